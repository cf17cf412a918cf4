# title: Volume by hour
# question: How much came in each hour?
# asks: volume/by_hour
# reads: lines
stats count(*) as lines, sum(strlen(@message)) as characters by bin(1h)
