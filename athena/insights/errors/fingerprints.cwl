# title: Error fingerprints
# question: Which errors are the same but for their numbers and ids?
# asks: errors/fingerprints
# reads: lines
filter level in ["error", "fatal"]
| pattern message
