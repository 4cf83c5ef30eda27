apatite diagnose --lenient --draws 0 --explain 1 --top 2 CASES/hostile.toml
