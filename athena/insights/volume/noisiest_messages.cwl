# title: Noisiest messages
# question: Which messages, the same but for their numbers and ids, come most often?
# asks: volume/noisiest_messages
# reads: lines
fields message
| pattern message
