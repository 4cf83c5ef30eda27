apatite schema case
