# apatite render e apatite mesh
render-written = { $file }: { $columns } × { $rows } pixel di { $pixel } mm
render-written-frames = { $file }: { $frames } fotogrammi di { $columns } × { $rows } pixel di { $pixel } mm
render-not-written = { $file } non può essere scritto: { $why }
render-no-lesions = questa serie è { $modality }: lesioni e ossa si riconoscono solo in TC; scegliere una TC con --series, o mostrarla senza
render-no-surface = questa serie è { $modality }: le superfici sono quelle dell'osso in TC; provare --view mip
render-no-bones = questa serie è { $modality }: le ossa si riconoscono solo in TC; indicare la curva con --point
render-no-turn = --frames fa ruotare mip, minip, average o surface
render-which-plane = un piano obliquo richiede --lesion ID, oppure --point tre volte
mesh-part = { $name }: { $triangles } triangoli, chiusa, { $area } cm²; { $mesh } ml nella superficie, { $mask } ml nella maschera ({ $difference } %)
mesh-part-open = { $name }: { $triangles } triangoli, non chiusa, { $area } cm²; { $mesh } ml nella superficie, { $mask } ml nella maschera ({ $difference } %)
mesh-format = le superfici si scrivono come .stl, .ply, .obj o .glb, non come "{ $ending }"
mesh-nothing = non c'è nulla da convertire in superficie: nessuna lesione o osso di questo tipo trovato nello studio
image-lesion = Lesione { $id }, assiale, dove la sezione è massima
image-level = Lesione { $id }, assiale; la linea tratteggiata è il piano del livello fluido-sedimento
image-projection = Proiezione di massima intensità, dal davanti
image-surface = Superfici di osso e lesioni, dal davanti e da sinistra
