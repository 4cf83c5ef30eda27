apatite diagnose --lang it --draws 0 --explain 1 --top 59 CASES/one-year.toml
