follow-registration = A distanza di { $days }. Registrati sullo scheletro: margini ossei distanti { $residual } mm (mediana), { $overlap } dell'osso si sovrappone, rotazione di { $angle }°; { $view } del primo campo di vista è nel secondo.
follow-days = { $count ->
    [one] 1 giorno
   *[other] { $count } giorni
 }
follow-days-unknown = tempo ignoto
follow-none = Nessuna calcificazione in nessuno dei due esami.
follow-burden = Tutte le calcificazioni nel campo di vista di entrambi gli esami
follow-outcome-matched = in entrambi gli esami
follow-outcome-split = da una, diverse
follow-outcome-merged = da diverse, una
follow-outcome-regrouped = da diverse, diverse altre
follow-outcome-new = nuova
follow-outcome-gone = scomparsa
follow-outcome-unsettled = solo in un esame, con minerale al suo posto nell'altro
follow-outcome-out_of_view = non interamente nel campo di vista di entrambi gli esami
follow-not-compared = { $earlier } mm³, poi { $later } mm³: non confrontata
follow-volume = volume { $earlier } → { $later } mm³ ({ $share }), differenza da { $low } a { $high } mm³ (intervallo al 95 %), limite di ripetibilità { $limit } mm³
follow-mass = massa { $earlier } → { $later } HU·cm³ ({ $share }), differenza da { $low } a { $high }, limite { $limit }
follow-density = media { $earlier } → { $later } HU ({ $share }), differenza da { $low } a { $high }, limite { $limit }
follow-verdict-increased = aumento
follow-verdict-decreased = diminuzione
follow-verdict-no_change = nessuna variazione
follow-finding-came = { $finding }: comparso ({ $earlier }, poi { $later })
follow-finding-went = { $finding }: scomparso ({ $earlier }, poi { $later })
follow-growth = cresce di { $growth } mm³ al mese (da { $low } a { $high })
follow-warning-protocol = Gli esami differiscono per kernel o tensione del tubo: confrontare con cautela attenuazione e massa.
follow-warning-loose_fit = Gli scheletri combaciano meno bene di quanto facciano di solito quelli di un solo paziente: accertarsi che i due esami siano dello stesso paziente e guardare le immagini.
follow-warning-little_in_common = Meno di metà del primo campo di vista è nel secondo.
follow-warning-voxel_size = I voxel di un esame sono una volta e mezza quelli dell'altro: confrontare con cautela le lesioni piccole.
follow-warning-dates = Il tempo fra gli esami non è noto: nessuna crescita al mese.
follow-limit = Limite di ripetibilità di un volume V: { $share } V + { $root } √V + { $fixed } mm³; il 95 % delle differenze senza variazione è minore ({ $sources }).
