apatite knowledge export --format json
