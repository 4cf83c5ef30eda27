# Singular and plural.
apatite diagnose --draws 0 --explain 1 --top 59 CASES/one-year.toml
