# title: Duplicates
# question: Which lines were taken more than once? The sink cloudwatch delivers at least once.
# asks: audit/duplicates
# reads: lines
stats count(*) as copies, earliest(@logStream) as stream_of_first by @log, node, file, file_offset
| filter copies > 1
| sort copies desc
| limit 100
