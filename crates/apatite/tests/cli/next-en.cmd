apatite next --top 6 --explain 1 CASES/every-section.toml
