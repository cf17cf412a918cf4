# title: Volume by namespace
# question: Which log groups, one a namespace, took how many lines and characters?
# asks: volume/by_namespace
# reads: lines
stats count(*) as lines, sum(strlen(@message)) as characters by @log
| sort characters desc
