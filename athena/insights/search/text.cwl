# title: Search
# question: Which lines match a regular expression, newest first?
# asks: search/text
# reads: lines
filter message like /(?i)timeout|refused/
| fields @timestamp, @log, @logStream, level, message, node, file, file_offset
| sort @timestamp desc
| limit 100
