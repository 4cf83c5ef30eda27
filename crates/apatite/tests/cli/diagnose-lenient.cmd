apatite diagnose --lenient --draws 0 --explain 0 --top 2 CASES/refused.toml
