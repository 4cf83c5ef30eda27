# A study is a limit of the program and no fault of the case: strict reading does not refuse it.
apatite diagnose --strict --draws 0 --explain 0 --top 2 CASES/study.json
