# apatite render and apatite mesh
render-written = { $file }: { $columns } × { $rows } pixels of { $pixel } mm
render-written-frames = { $file }: { $frames } frames of { $columns } × { $rows } pixels of { $pixel } mm
render-not-written = { $file } cannot be written: { $why }
render-no-lesions = this series is { $modality }: lesions and bones are found on CT only; choose a CT with --series, or show it without
render-no-surface = this series is { $modality }: surfaces are those of bone on CT; try --view mip
render-no-bones = this series is { $modality }: bones are found on CT only; give the curve with --point
render-no-turn = --frames turns a mip, minip, average or surface
render-which-plane = an oblique plane needs --lesion ID, or --point three times
mesh-part = { $name }: { $triangles } triangles, closed, { $area } cm²; { $mesh } ml in the mesh, { $mask } ml in the mask ({ $difference } %)
mesh-part-open = { $name }: { $triangles } triangles, not closed, { $area } cm²; { $mesh } ml in the mesh, { $mask } ml in the mask ({ $difference } %)
mesh-format = meshes are written as .stl, .ply, .obj or .glb, not as "{ $ending }"
mesh-nothing = there is nothing to mesh: no such lesion or bone was found in this study
image-lesion = Lesion { $id }, axial, where its section is largest
image-level = Lesion { $id }, axial; the dashed line is the plane of its fluid-sediment level
image-projection = Maximum intensity projection from the front
image-surface = Surfaces of bone and lesions, from the front and the left
