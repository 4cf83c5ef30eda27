exchange-lesion = Lesione { $id }: { $kind }
exchange-interval = dal 5° al 95° percentile su estrazioni di tutti i numeri: da { $low } a { $high }
exchange-method = rete bayesiana di Apatite; contesto { $setting }
exchange-report = Diagnosi differenziale della calcinosi dei tessuti molli
exchange-uncoded = senza codice di una terminologia comune: { $terms }
exchange-left-out = non trasportato da questo formato: { $what }
exchange-no-study = questo formato richiede uno studio TC misurato: il caso ne indichi uno (study = "ct/" in un blocco [[imaging]] con modality CT)
exchange-several-studies = il caso ha { $count } studi misurati: si scrive il primo, { $name }
exchange-written = { $path } scritto
exchange-no-dicom = questo formato si scrive nello studio DICOM delle immagini, e lo studio non è DICOM: nifti e le tabelle non lo richiedono
