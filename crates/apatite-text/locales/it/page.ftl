# La pagina di `apatite serve`. I nomi di reperti e diagnosi vengono dalla base di conoscenza.
page-worklist = Lista di lavoro
page-untitled = Caso senza titolo
page-language = Lingua
page-theme = Chiaro o scuro
page-token = Token di accesso
page-sign-in = Accedi
page-log-in = Entra
page-log-out = Esci
page-role-reader = Lettore
page-role-editor = Redattore
page-role-admin = Amministratore
page-login-out = La sessione è chiusa.
page-login-stale = Questo accesso non è cominciato in questo browser, o è durato troppo. Entrare di nuovo.
page-login-denied = Il servizio di accesso non ha dato il permesso.
page-login-no-role = Il servizio di accesso la conosce, ma qui non ha alcun ruolo. Rivolgersi a chi gestisce questo server.
page-login-invalid = Ciò che il servizio di accesso ha detto di lei non è valido. Rivolgersi a chi gestisce questo server.
page-login-provider = Il servizio di accesso non risponde come dovrebbe. Riprovare più tardi.
page-loading = Caricamento…
page-uploading = Invio…
page-taking-in = Acquisizione…
page-taken = { $cases ->
    [one] 1 caso
   *[other] { $cases } casi
 }, { $instances ->
    [one] 1 immagine
   *[other] { $instances } immagini
 } acquisiti; { $left } tralasciati.
page-close = Chiudi
page-drop-here = Rilasciare cartelle DICOM, archivi zip o file di casi
page-search = Cerca nella lista di lavoro
page-modality = Metodica
page-all-modalities = Tutte le metodiche
page-open-files = Apri file…
page-open-folder = Apri cartella…
page-case = Caso
page-patient = Paziente
page-date = Data
page-region = Regione
page-found = Trovato
page-leading = Diagnosi principale
page-years = { $years } a
page-female = donna
page-male = uomo
page-calcifications = { $count ->
    [0] nessuna calcificazione
    [one] 1 calcificazione
   *[other] { $count } calcificazioni
 }
page-empty = Ancora nessun caso. Rilasciare cartelle DICOM, archivi zip o file di casi in un punto qualsiasi della pagina.
page-nothing-found = Nessun caso corrisponde alla ricerca.
page-setting = Contesto
page-what-if = E se
page-supposing = { $count ->
    [0] Fare clic sui fatti per supporli; nulla viene salvato.
    [one] 1 fatto supposto, nulla salvato
   *[other] { $count } fatti supposti, nulla salvato
 }
page-undo = Annulla
page-log = Registro ({ $count })
page-report = Referto
page-export = Esporta
page-pictures = Immagini
page-lesions = Lesioni
page-facts = Fatti
page-differential = Diagnosi differenziale
page-differential-if = Se fosse così
page-edit-fact = Reperto
page-edit-lab = Laboratorio
page-edit-patient = Paziente
page-edit-site = Regione
page-edit-quantity = Misura
page-edit-title = Titolo
page-edit-setting = Contesto
page-edit-lesion = Lesione
page-edit-lesion_kind = Tipo di lesione
page-edit-undo = Annullato
page-tools = Strumenti
page-series = Serie
page-tool-WindowLevel = Finestra
page-tool-Crosshairs = Mirino
page-tool-Pan = Sposta
page-tool-Zoom = Zoom
page-tool-Length = Lunghezza
page-tool-Angle = Angolo
page-tool-EllipticalROI = ROI
page-window = Finestra
page-window-soft = Tessuti molli
page-window-bone = Osso
page-window-calcium = Calcio
page-window-lung = Polmone
page-window-fat = Grasso
page-one-plane = Un piano
page-overlay = Lesioni
page-reset = Ripristina
page-cancel = Interrompi
page-analyse = Analizza
page-analyse-again = Analizza di nuovo
page-accept = Accetta
page-reject = Rifiuta
page-kind = Che cos'è
page-no-lesion = Nessuna calcificazione trovata fuori dallo scheletro.
page-gap = Spazio tra ossa contrapposte
page-gap-bridged = a ponte
page-gap-bone = osso
page-age = Età
page-sex = Sesso
page-search-facts = Cerca reperti ed esami
page-history = Anamnesi
page-labs = Laboratorio
page-disagree = Il lettore e le immagini sono in disaccordo su: { $finding }. Vale la parola del lettore.
page-sites = Regioni
page-quantities = Misure
page-from-images = Dalle immagini
page-present = Presente
page-suggested = Probabile
page-absent = Assente
page-fragile = primato fragile
page-fragile-why = Estraendo tutti i numeri dai loro intervalli la prima diagnosi non resta prima.
page-mechanisms = Per meccanismo
page-malignant = Maligna
page-sources = Che cosa si sa, con le fonti
page-compare = Confronta due
page-odds = a priori { $prior } dB, fatti { $facts } dB, insieme { $together } dB
page-expected = Attesi in essa, qui non noti
page-more = Tutte le diagnosi
page-fewer = Meno
page-would-separate = Che cosa le separerebbe
page-modalities-disagree = Le metodiche non concordano
page-unexplained = Non spiegati da alcuna delle diagnosi probabili
page-lacking = Che cosa manca di più al caso
page-bits = { $bits } bit
page-gradings = Gradi
page-next = Che cosa esaminare ora
page-leader-change = può cambiare il primato: { $share }
page-insufficient = Si sa troppo poco: quel che manca può cambiare il primato ({ $share }).
page-edit-lesion_drawing = Disegno di lesioni
page-pen-Add = Aggiungi
page-pen-Add-why = Un clic su ciò che è denso: diventa una lesione, estesa in tre dimensioni
page-pen-Brush = Pennello
page-pen-Brush-why = Dipinge la lesione scelta, o una nuova se nessuna è scelta
page-pen-Eraser = Gomma
page-pen-Eraser-why = Toglie voxel alle lesioni
page-pen-Cut = Taglia
page-pen-Cut-why = Una linea attraverso la lesione scelta la divide in due
page-radius = Raggio del pennello
page-choose-lesion = Scegliere prima una lesione nell'elenco.
page-split = Dividi
page-split-why = Ogni parte connessa diventa una lesione
page-merge = Unisci
page-merge-why = Le lesioni segnate diventano parte di questa
page-act-add = aggiunta
page-act-merge = unite
page-act-split = divisa
page-act-paint = dipinta
page-act-erase = cancellata
page-beside = Affianca
page-other-frame = Altro sistema di riferimento: legate solo per distanza
