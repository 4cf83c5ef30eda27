# A hip whose ossification is graded, and one distance would decide.
apatite diagnose --draws 0 --explain 0 --top 2 CASES/hip-ossification.toml
