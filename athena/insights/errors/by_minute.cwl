# title: Errors by five minutes
# question: When did errors begin, and when did they end?
# asks: nothing
# reads: lines
filter level in ["error", "fatal"]
| stats count(*) as errors by bin(5m)
