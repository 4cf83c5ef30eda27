# A finding is no diagnosis.
apatite compare CASES/two/a.toml calcific_tendinitis intratendinous
