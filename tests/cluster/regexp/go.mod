module cluster-regexp

go 1.25
