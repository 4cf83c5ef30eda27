exchange-lesion = Lesione { $id }: { $kind }
