apatite diagnose --lang it --draws 0 --explain 0 --top 2 CASES/hip-ossification-gap.toml
