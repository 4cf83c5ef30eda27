# The dates of two examinations become facts of the time course.
apatite diagnose --draws 0 --explain 1 --top 2 CASES/two-dates.toml
