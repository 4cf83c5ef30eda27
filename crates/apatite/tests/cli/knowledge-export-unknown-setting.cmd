apatite knowledge export --format bif --setting nowhere
