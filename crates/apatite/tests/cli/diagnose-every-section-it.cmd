apatite diagnose --lang it --draws 0 --explain 2 CASES/every-section.toml
