module writer

go 1.21
