apatite diagnose --draws 0 --explain 2 CASES/every-section.toml
