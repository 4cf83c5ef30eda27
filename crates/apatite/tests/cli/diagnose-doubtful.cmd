apatite diagnose --draws 0 --explain 0 --top 2 CASES/doubtful.toml
