apatite diagnose --draws 0 --explain 0 --top 1 --setting dialysis CASES/two/a.toml
