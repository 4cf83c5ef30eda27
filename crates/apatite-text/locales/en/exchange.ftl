exchange-lesion = Lesion { $id }: { $kind }
