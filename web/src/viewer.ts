/** Pictures: a thin layer over Cornerstone3D, fed by the server's WADO-RS. */
import {
  Enums, RenderingEngine, StackViewport, eventTarget, init as initCore, metaData, setVolumesForViewports, volumeLoader, cache, ProgressiveRetrieveImages,
  utilities as coreUtilities, type Types,
} from '@cornerstonejs/core';
import {
  AngleTool, BrushTool, CircleROITool, CrosshairsTool, EllipticalROITool, Enums as ToolEnums, LengthTool, PanTool, StackScrollTool,
  ToolGroupManager, TrackballRotateTool, WindowLevelTool, ZoomTool, addTool, annotation, init as initTools, segmentation, utilities,
} from '@cornerstonejs/tools';
import { init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';
import { api, type Analysis, type Gap, type Lesion, type Study } from './api';

/** One plane, three planes, or three planes and a volume rendering. */
export type Layout = 'stack' | 'planes' | 'solid';
export type Hand = 'WindowLevel' | 'Length' | 'Angle' | 'EllipticalROI' | 'CircleROI' | 'Crosshairs' | 'Pan' | 'Zoom'
  | 'Add' | 'Cut' | 'Brush' | 'Eraser';
/** A run of voxels along columns: slice, row, first column, column behind the last. */
export type Run = [number, number, number, number];
type Point = [number, number, number];
type Instance = Record<string, { Value?: unknown[] } | undefined>;

/** What a reader draws on the pictures. */
export interface Pen {
  add(at: Point): void;
  cut(plane: { point_mm: Point; normal: Point }): void;
  paint(voxels: Run[]): void;
  erase(voxels: Run[]): void;
}

/** Centre and width in HU, by the digit key. */
export const WINDOWS: { key: string; centre: number; width: number }[] = [
  { key: 'soft', centre: 40, width: 400 },
  { key: 'bone', centre: 500, width: 2000 },
  { key: 'calcium', centre: 250, width: 800 },
  { key: 'lung', centre: -600, width: 1500 },
  { key: 'fat', centre: -50, width: 350 },
];

const PLANES = ['axial', 'coronal', 'sagittal'] as const;
const SEGMENTATION = 'apatite-lesions';

let ready: Promise<void> | null = null;

/** Makes ready what pictures need, so that the first need not wait for it. */
export function prepared(): Promise<void> {
  ready ??= (async () => {
    // one for each picture of a viewer: those that are not drawn on cost time too
    await initCore({ rendering: { webGlContextCount: 4 }, debug: {} });
    initLoader({ maxWebWorkers: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) });
    // the slices that are looked at first come first, then every fourth of the others, then the rest
    coreUtilities.imageRetrieveMetadataProvider.add('volume', ProgressiveRetrieveImages.interleavedRetrieveStages);
    await initTools();
    for (const tool of [AngleTool, CircleROITool, CrosshairsTool, EllipticalROITool, LengthTool, PanTool, StackScrollTool, BrushTool,
      TrackballRotateTool, WindowLevelTool, ZoomTool]) addTool(tool);
  })();
  return ready;
}

/** The viewports of one page. */
export class Viewer {
  #engine: RenderingEngine | null = null;
  #elements: Record<string, HTMLDivElement>;
  #volumeId: string | null = null;
  #layout: Layout = 'planes';
  #shown = 0;
  #labelled = '';
  #labels: { volumeId: string; values: Uint16Array; grid: Analysis['labels']; next: number } | null = null;
  #drawing: Promise<void> = Promise.resolve();
  #hand: Hand = 'WindowLevel';
  #pen: Pen | null;
  /** Names engine, tool groups and viewports apart from those of another viewer. */
  #name: string;
  #line: { viewport: string; from: Point } | null = null;
  /** Those that are drawn. */
  #lesions: Lesion[] = [];
  #chosen: number | null = null;
  #gap: Gap | null = null;
  #resize: ResizeObserver;

  /** `elements`: axial, coronal, sagittal, volume; axial only, and no pen, for one that only shows. */
  constructor(name: string, elements: Record<string, HTMLDivElement>, pen: Pen | null) {
    this.#name = name;
    this.#elements = elements;
    this.#pen = pen;
    for (const plane of PLANES) if (elements[plane]) this.#listen(plane, elements[plane]);
    this.#resize = new ResizeObserver(() => this.#engine?.resize(true, true));
    for (const element of Object.values(elements)) {
      this.#resize.observe(element);
      element.addEventListener('contextmenu', (event) => event.preventDefault());
    }
  }

  destroy(): void {
    this.#shown++;
    this.#resize.disconnect();
    ToolGroupManager.destroyToolGroup(this.#name);
    ToolGroupManager.destroyToolGroup(`${this.#name}-volume`);
    this.#engine?.destroy();
    this.#engine = null;
    if (!this.#pen) return;
    segmentation.removeAllSegmentations();
    annotation.state.removeAllAnnotations();
    cache.purgeCache();
  }

  /**
   * Shows a series; returns whether it makes a volume. `progress` is told the share of slices loaded. Axial slices are
   * drawn as they were taken, which is quick without a graphics card too, unless `cut` asks for cuts through the volume,
   * which slabs, cross-hairs and brushes need.
   */
  async show(study: string, series: string, layout: Layout, cut: boolean, progress: (share: number) => void): Promise<boolean> {
    const turn = ++this.#shown;
    await prepared();
    const metadata = await api.metadata(study, series);
    if (turn !== this.#shown) return false;
    const root = `${location.origin}/dicomweb/studies/${study}/series/${series}/instances`;
    const imageIds: string[] = [];
    for (const instance of metadata) {
      const uid = instance['00080018']?.Value?.[0] as string;
      const frames = Number(instance['00280008']?.Value?.[0] ?? 1);
      for (let frame = 1; frame <= frames; frame++) {
        const imageId = `wadors:${root}/${uid}/frames/${frame}`;
        wadors.metaDataManager.add(imageId, instance as never);
        imageIds.push(imageId);
      }
    }
    const first = metadata[0] ?? {};
    const sliced = ['CT', 'MR', 'PT'].includes(String(first['00080060']?.Value?.[0] ?? ''));
    const isVolume = sliced && imageIds.length >= 4 && metadata.every((one) => one['00200032']?.Value?.length === 3);
    this.#engine?.destroy();
    if (this.#pen) segmentation.removeAllSegmentations();
    this.#labelled = '';
    this.#lesions = [];
    this.#gap = null;
    this.#engine = new RenderingEngine(this.#name);
    this.#layout = isVolume ? layout : 'stack';
    if (isVolume) {
      const turns = new Set(metadata.map(turned));
      const asTaken = !cut && turns.size === 1 && !turns.has(0) && isStraight(imageIds);
      await this.#showVolume(imageIds, series, asTaken ? [...turns][0]! : 0, turn, progress);
    } else {
      await this.#showStack(imageIds);
      progress(1);
    }
    return isVolume;
  }

  setHand(hand: Hand): void {
    this.#hand = hand;
    const group = ToolGroupManager.getToolGroup(this.#name);
    if (!group) return;
    const { Primary, Auxiliary, Secondary } = ToolEnums.MouseBindings;
    for (const name of [WindowLevelTool, LengthTool, AngleTool, EllipticalROITool, CircleROITool].map((t) => t.toolName)) {
      if (group.hasTool(name)) group.setToolPassive(name);
    }
    for (const name of ['Brush', 'Eraser']) if (group.hasTool(name) && name !== hand) group.setToolDisabled(name);
    if (group.hasTool(CrosshairsTool.toolName)) {
      if (hand === 'Crosshairs') group.setToolActive(CrosshairsTool.toolName, { bindings: [{ mouseButton: Primary }] });
      else group.setToolDisabled(CrosshairsTool.toolName);
    }
    group.setToolActive(PanTool.toolName, { bindings: [{ mouseButton: Auxiliary }, ...(hand === 'Pan' ? [{ mouseButton: Primary }] : [])] });
    group.setToolActive(ZoomTool.toolName, { bindings: [{ mouseButton: Secondary }, ...(hand === 'Zoom' ? [{ mouseButton: Primary }] : [])] });
    group.setToolActive(StackScrollTool.toolName, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Wheel }] });
    if (!['Crosshairs', 'Pan', 'Zoom', 'Add', 'Cut'].includes(hand)) {
      group.setToolActive(hand, { bindings: [{ mouseButton: Primary }] });
    }
    this.#engine?.render();
  }

  setWindow(centre: number, width: number): void {
    const voiRange = { lower: centre - width / 2, upper: centre + width / 2 };
    for (const viewport of this.#flat()) viewport.setProperties({ voiRange });
    this.#engine?.render();
  }

  /** A slab of so many millimetres by maximum intensity; 0 for single slices. */
  setSlab(millimetres: number): void {
    for (const viewport of this.#flat()) {
      if (!('setBlendMode' in viewport)) continue;
      const volume = viewport as Types.IVolumeViewport;
      volume.setBlendMode(millimetres > 0 ? Enums.BlendModes.MAXIMUM_INTENSITY_BLEND : Enums.BlendModes.COMPOSITE);
      volume.setSlabThickness(Math.max(0.1, millimetres));
    }
    this.#engine?.render();
  }

  /** Goes to a point of the patient, LPS mm. */
  goTo(point: [number, number, number]): void {
    for (const viewport of this.#flat()) {
      const { focalPoint, position, viewPlaneNormal } = viewport.getCamera();
      if (!focalPoint || !position || !viewPlaneNormal) continue;
      const offset = point.map((value, axis) => value - focalPoint[axis]!) as [number, number, number];
      if (this.#volumeId === null) continue;
      if (viewport instanceof StackViewport) {
        void centre(viewport, point);
        continue;
      }
      viewport.setCamera({
        focalPoint: focalPoint.map((value, axis) => value + offset[axis]!) as Types.Point3,
        position: position.map((value, axis) => value + offset[axis]!) as Types.Point3,
      });
    }
    this.#engine?.render();
  }

  /** Patient position and scale of the axial picture; none where there is no volume. */
  place(): { point: Point; scale: number } | null {
    const camera = this.#volumeId === null ? undefined : this.#flat()[0]?.getCamera();
    return camera?.focalPoint ? { point: [...camera.focalPoint] as Point, scale: camera.parallelScale ?? 0 } : null;
  }

  /** Shows a point of the patient, LPS mm, at a scale in the axial picture. */
  follow(point: Point, scale: number): void {
    this.goTo(point);
    if (scale > 0) this.#flat()[0]?.setCamera({ parallelScale: scale });
    this.#engine?.render();
  }

  /** Calls back whenever the axial picture moves. */
  onMove(moved: () => void): void {
    this.#elements.axial!.addEventListener(Enums.Events.CAMERA_MODIFIED, moved);
  }

  reset(): void {
    for (const viewport of this.#flat()) viewport.resetCamera();
    this.#engine?.render();
  }

  scroll(slices: number): void {
    const viewport = this.#flat()[0];
    if (viewport) (viewport as Types.IVolumeViewport).scroll(slices);
  }

  /** Radius of brush and eraser, mm. */
  setBrush(radius: number): void {
    for (const name of ['Brush', 'Eraser']) utilities.segmentation.setBrushSizeForToolGroup(this.#name, radius, name);
  }

  /**
   * Shows or hides the lesions of a study as they stand in a case, those rejected never; one may stand out and takes
   * the brush. Labels of another digest are loaded anew.
   */
  setLesions(caseId: string, study: Study, shown: boolean, chosen: number | null): Promise<void> {
    // one after the other: two at once would load the labels twice
    this.#drawing = this.#drawing.catch(() => undefined).then(() => this.#setLesions(caseId, study, shown, chosen));
    return this.#drawing;
  }

  /** Lets the next [`setLesions`] load the labels again. */
  forgetLesions(): void {
    this.#labelled = '';
  }

  async #setLesions(caseId: string, study: Study, shown: boolean, chosen: number | null): Promise<void> {
    const analysis = study.analysis;
    if (!this.#engine || !analysis || this.#volumeId === null) return;
    const wanted = `${study.uid} ${analysis.labels.sha256}`;
    if (this.#labelled !== wanted) {
      const turn = this.#shown;
      const labels = await api.labels(caseId, study.uid);
      if (turn !== this.#shown) return;
      await this.#addLabels(wanted, analysis, labels);
      this.#labelled = wanted;
    }
    for (const viewport of this.#cuts()) {
      for (const lesion of analysis.lesions) {
        const specifier = { segmentationId: SEGMENTATION, type: ToolEnums.SegmentationRepresentations.Labelmap };
        const visible = shown && lesion.verdict !== 'rejected';
        segmentation.config.visibility.setSegmentIndexVisibility(viewport.id, specifier, lesion.id, visible);
        segmentation.config.color.setSegmentIndexColor(viewport.id, SEGMENTATION, lesion.id, colour(lesion, lesion.id === chosen));
      }
      segmentation.activeSegmentation.setActiveSegmentation(viewport.id, SEGMENTATION);
    }
    segmentation.segmentIndex.setActiveSegmentIndex(SEGMENTATION, chosen ?? this.#labels?.next ?? 1);
    this.#lesions = shown ? analysis.lesions.filter((lesion) => lesion.verdict !== 'rejected') : [];
    this.#chosen = chosen;
    this.#gap = shown ? analysis.gap : null;
    this.#engine.render();
  }

  async #addLabels(wanted: string, { labels }: Analysis, values: Uint16Array): Promise<void> {
    const spacing = labels.steps_mm.map((step) => Math.hypot(...step)) as Types.Point3;
    const direction = labels.steps_mm.flatMap((step, axis) => step.map((value) => value / spacing[axis]!));
    const largest = values.reduce((a, b) => Math.max(a, b), 0);
    const deep = largest >= 255;
    const volumeId = `lesions-${wanted}-${this.#shown}`;
    this.#dropLabels();
    volumeLoader.createLocalVolume(volumeId, {
      metadata: {
        BitsAllocated: deep ? 16 : 8, BitsStored: deep ? 16 : 8, SamplesPerPixel: 1,
        HighBit: deep ? 15 : 7, PhotometricInterpretation: 'MONOCHROME2', PixelRepresentation: 0,
        Modality: 'SEG', ImageOrientationPatient: direction.slice(0, 6), PixelSpacing: [spacing[1], spacing[0]],
        FrameOfReferenceUID: this.#frameOfReference(), Columns: labels.size[0], Rows: labels.size[1], voiLut: [], VOILUTFunction: '',
      } as never,
      dimensions: labels.size as Types.Point3,
      spacing,
      origin: labels.origin_mm as Types.Point3,
      direction: direction as unknown as Types.Mat3,
      scalarData: deep ? values.slice() : Uint8Array.from(values),
    });
    this.#labels = { volumeId, values, grid: labels, next: largest + 1 };
    segmentation.addSegmentations([{
      segmentationId: SEGMENTATION,
      representation: { type: ToolEnums.SegmentationRepresentations.Labelmap, data: { volumeId } },
    }]);
    for (const viewport of this.#cuts()) {
      await segmentation.addLabelmapRepresentationToViewport(viewport.id, [{ segmentationId: SEGMENTATION }]);
    }
  }

  #dropLabels(): void {
    segmentation.removeAllSegmentationRepresentations();
    segmentation.removeAllSegmentations();
    const old = this.#labels && cache.getVolume(this.#labels.volumeId);
    this.#labels = null;
    if (!old) return;
    const imageIds = [...(old.imageIds ?? [])];
    cache.removeVolumeLoadObject(old.volumeId);
    for (const imageId of imageIds) if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
  }

  /** Clicks of the pen, and what is drawn over the pictures whenever they are drawn. */
  #listen(plane: string, element: HTMLDivElement): void {
    const place = (event: MouseEvent): Point | null => {
      const viewport = this.#flat().find(({ id }) => id === this.#id(plane));
      const frame = element.getBoundingClientRect();
      return (viewport?.canvasToWorld([event.clientX - frame.left, event.clientY - frame.top]) as Point | undefined) ?? null;
    };
    element.addEventListener('mousedown', (event) => {
      const at = event.button === 0 && this.#volumeId !== null ? place(event) : null;
      if (at && this.#hand === 'Add') this.#pen?.add(at);
      if (at && this.#hand === 'Cut') this.#line = { viewport: plane, from: at };
    });
    element.addEventListener('mousemove', (event) => {
      const at = this.#line?.viewport === plane ? place(event) : null;
      if (at) this.#mark(plane, element, [this.#line!.from, at]);
    });
    window.addEventListener('mouseup', (event) => {
      if (this.#line?.viewport === plane) {
        const { from } = this.#line;
        this.#line = null;
        const to = place(event);
        const normal = this.#flat().find(({ id }) => id === this.#id(plane))?.getCamera().viewPlaneNormal;
        this.#mark(plane, element);
        if (!to || !normal) return;
        const along = to.map((value, axis) => value - from[axis]!) as Point;
        const across = cross(along, normal as Point);
        if (Math.hypot(...across) > 1) this.#pen?.cut({ point_mm: from, normal: across });
      } else if (plane === 'axial' && ['Brush', 'Eraser'].includes(this.#hand)) {
        // the tool ends its stroke on the same event
        setTimeout(() => this.#painted(), 0);
      }
    });
    element.addEventListener(Enums.Events.IMAGE_RENDERED, () => this.#mark(plane, element));
  }

  /** Tells what brush or eraser changed since the labels were loaded. */
  #painted(): void {
    const volume = this.#labels && cache.getVolume(this.#labels.volumeId);
    if (!volume || !this.#labels) return;
    const { values, grid: { size: [columns, rows] } } = this.#labels;
    const now = volume.voxelManager!.getCompleteScalarDataArray!() as ArrayLike<number>;
    const runs: { painted: Run[]; erased: Run[] } = { painted: [], erased: [] };
    for (let at = 0; at < values.length; at++) {
      const value = now[at]!;
      if (value === values[at]) continue;
      const list = value === 0 ? runs.erased : runs.painted;
      const column = at % columns;
      const row = Math.floor(at / columns);
      const last = list.at(-1);
      if (last && last[3] === column && last[1] === row % rows && last[0] === Math.floor(row / rows)) last[3]++;
      else list.push([Math.floor(row / rows), row % rows, column, column + 1]);
      values[at] = value;
    }
    if (runs.painted.length > 0) this.#pen?.paint(runs.painted);
    if (runs.erased.length > 0) this.#pen?.erase(runs.erased);
  }

  /**
   * Draws where the planes of fluid levels cross the picture, the gap where it is near, and a line under the pen; over
   * slices as they were taken the outlines of lesions too, which over cuts are drawn with the cut.
   */
  #mark(plane: string, element: HTMLDivElement, line?: [Point, Point]): void {
    const viewport = this.#flat().find(({ id }) => id === this.#id(plane));
    let svg = element.querySelector('svg.marks');
    if (!svg) {
      svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      svg.setAttribute('class', 'marks');
      element.append(svg);
    }
    svg.replaceChildren();
    if (!viewport || this.#volumeId === null) return;
    const { viewPlaneNormal, focalPoint } = viewport.getCamera();
    if (!viewPlaneNormal || !focalPoint) return;
    const draw = (from: Point, to: Point, name: string) => {
      const [a, b] = [viewport.worldToCanvas(from), viewport.worldToCanvas(to)];
      const shape = document.createElementNS('http://www.w3.org/2000/svg', 'line');
      const ends = { x1: a[0], y1: a[1], x2: b[0], y2: b[1] };
      for (const [key, value] of Object.entries(ends)) shape.setAttribute(key, value.toFixed(1));
      shape.setAttribute('class', name);
      svg.append(shape);
    };
    if (this.#labels && this.#lesions.length > 0 && viewport instanceof StackViewport) {
      const paths = outlines(this.#labels, focalPoint as Point, (point) => viewport.worldToCanvas(point));
      for (const lesion of this.#lesions) {
        const path = paths.get(lesion.id);
        if (!path) continue;
        const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path');
        shape.setAttribute('d', path);
        shape.setAttribute('class', 'outline');
        shape.setAttribute('stroke', `rgb(${colour(lesion, lesion.id === this.#chosen).slice(0, 3).join(' ')})`);
        svg.append(shape);
      }
    }
    for (const lesion of this.#lesions) {
      const cut = lesion.level && crossing(lesion, viewPlaneNormal as Point, focalPoint as Point);
      if (cut) draw(...cut, 'level');
    }
    if (this.#gap && isNear(this.#gap, viewPlaneNormal as Point, focalPoint as Point)) draw(...this.#gap.ends_mm, 'gap');
    if (line) draw(...line, 'cut');
  }

  #frameOfReference(): string {
    const volume = this.#volumeId === null ? null : cache.getVolume(this.#volumeId);
    return volume?.metadata.FrameOfReferenceUID ?? '';
  }

  /** `asTaken`: axial slices as they were taken (1) or turned by half (-1); 0 for cuts. */
  async #showVolume(imageIds: string[], series: string, asTaken: number, turn: number, progress: (share: number) => void): Promise<void> {
    const engine = this.#engine!;
    const cut = asTaken === 0;
    const volumeId = `cornerstoneStreamingImageVolume:${series}`;
    this.#volumeId = volumeId;
    const orientations = { axial: Enums.OrientationAxis.AXIAL, coronal: Enums.OrientationAxis.CORONAL, sagittal: Enums.OrientationAxis.SAGITTAL };
    const planes = this.#layout !== 'stack' ? PLANES : (['axial'] as const);
    engine.setViewports([
      ...planes.map((plane) => ({
        viewportId: this.#id(plane), element: this.#elements[plane]!,
        type: plane === 'axial' && !cut ? Enums.ViewportType.STACK : Enums.ViewportType.ORTHOGRAPHIC,
        defaultOptions: { orientation: orientations[plane], background: [0, 0, 0] as Types.Point3 },
      })),
      ...(this.#layout === 'solid'
        ? [{ viewportId: this.#id('volume'), element: this.#elements.volume!, type: Enums.ViewportType.VOLUME_3D,
            defaultOptions: { orientation: Enums.OrientationAxis.CORONAL, background: [0, 0, 0] as Types.Point3 } }]
        : []),
    ]);
    if (!cut) {
      // the slice in the middle is there before the volume is
      const { sortedImageIds } = coreUtilities.sortImageIdsAndGetSpacing(imageIds);
      const axial = engine.getViewport(this.#id('axial')) as Types.IStackViewport;
      await axial.setStack(sortedImageIds, sortedImageIds.length >> 1);
      if (asTaken < 0) axial.setViewPresentation({ rotation: 180 });
      // the files of MR have a window each, which would flicker
      const { voiRange } = axial.getProperties();
      if (voiRange) axial.setProperties({ voiRange });
      if (turn !== this.#shown) return;
      const drawn = rendered(this.#elements.axial!);
      engine.renderViewport(this.#id('axial'));
      await drawn;
      await painted();
      if (turn !== this.#shown) return;
    }
    // its texture belongs to the engine that is gone; its slices stay in the cache
    if (cache.getVolume(volumeId)) cache.removeVolumeLoadObject(volumeId);
    const volume = await volumeLoader.createAndCacheVolume(volumeId, { imageIds });
    if (turn !== this.#shown) return;
    const loading = (event: Event) => {
      const { volumeId: of, framesProcessed, numberOfFrames } = (event as CustomEvent).detail;
      if (of === volumeId && turn === this.#shown) progress(framesProcessed / numberOfFrames);
    };
    eventTarget.addEventListener(Enums.Events.IMAGE_VOLUME_MODIFIED, loading);
    eventTarget.addEventListener(Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED, (event: Event) => {
      if ((event as CustomEvent).detail.volumeId !== volumeId) return;
      eventTarget.removeEventListener(Enums.Events.IMAGE_VOLUME_MODIFIED, loading);
      if (turn === this.#shown) progress(1);
    });
    (volume as Types.IStreamingImageVolume).load();
    await setVolumesForViewports(engine, [{ volumeId }], planes.filter((plane) => cut || plane !== 'axial').map((plane) => this.#id(plane)));
    if (this.#layout === 'solid') {
      await setVolumesForViewports(engine, [{ volumeId }], [this.#id('volume')]);
      (engine.getViewport(this.#id('volume')) as Types.IVolumeViewport).setProperties({ preset: 'CT-Bone' });
    }
    this.#tools([...planes], cut);
    engine.render();
  }

  async #showStack(imageIds: string[]): Promise<void> {
    const engine = this.#engine!;
    this.#volumeId = null;
    engine.enableElement({ viewportId: this.#id('axial'), element: this.#elements.axial!, type: Enums.ViewportType.STACK });
    await (engine.getViewport(this.#id('axial')) as Types.IStackViewport).setStack(imageIds, 0);
    this.#tools(['axial'], false);
    engine.render();
  }

  #tools(viewports: string[], cut: boolean): void {
    ToolGroupManager.destroyToolGroup(this.#name);
    ToolGroupManager.destroyToolGroup(`${this.#name}-volume`);
    const group = ToolGroupManager.createToolGroup(this.#name)!;
    for (const tool of [WindowLevelTool, PanTool, ZoomTool, StackScrollTool, LengthTool, AngleTool, EllipticalROITool, CircleROITool]) {
      group.addTool(tool.toolName);
    }
    if (this.#volumeId !== null) {
      group.addToolInstance('Brush', BrushTool.toolName, { activeStrategy: 'FILL_INSIDE_CIRCLE' });
      group.addToolInstance('Eraser', BrushTool.toolName, { activeStrategy: 'ERASE_INSIDE_CIRCLE' });
    }
    for (const viewport of viewports) group.addViewport(this.#id(viewport), this.#name);
    if (cut && viewports.length > 1) {
      const colours: Record<string, string> = { axial: '#e5a23d', coronal: '#4fa3e0', sagittal: '#57b66b' };
      group.addTool(CrosshairsTool.toolName, { getReferenceLineColor: (id: string) => colours[id.replace(`${this.#name}-`, '')] ?? '#ccc' });
    }
    if (this.#layout === 'solid') {
      const volume = ToolGroupManager.createToolGroup(`${this.#name}-volume`)!;
      volume.addTool(TrackballRotateTool.toolName);
      volume.addTool(ZoomTool.toolName);
      volume.addViewport(this.#id('volume'), this.#name);
      volume.setToolActive(TrackballRotateTool.toolName, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Primary }] });
      volume.setToolActive(ZoomTool.toolName, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Secondary }] });
    }
    this.setHand('WindowLevel');
  }

  #id(plane: string): string {
    return `${this.#name}-${plane}`;
  }

  /** The pictures that are cuts through the volume. */
  #cuts(): Types.IVolumeViewport[] {
    return this.#flat().filter((viewport) => !(viewport instanceof StackViewport)) as Types.IVolumeViewport[];
  }

  #flat(): (Types.IVolumeViewport | Types.IStackViewport)[] {
    const viewports = this.#engine?.getViewports() ?? [];
    return viewports.filter((viewport) => viewport.id !== this.#id('volume')) as (Types.IVolumeViewport | Types.IStackViewport)[];
  }
}

const cross = (a: Point, b: Point): Point =>
  [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a: Point, b: Point) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Whether an axial slice lies as it is shown, the right of the patient on the left and the front above (1), the other way round, as of a patient lying prone (-1), or neither (0). */
function turned(instance: Instance): number {
  const orientation = (instance['00200037']?.Value ?? []).map(Number);
  const isAs = (sign: number) => [sign, 0, 0, 0, sign, 0].every((value, at) => Math.abs(value - (orientation[at] ?? NaN)) < 1e-3);
  return [1, -1].find(isAs) ?? 0;
}

/** Whether axial slices lie straight above each other and evenly, as the voxels of the labels do. */
function isStraight(imageIds: string[]): boolean {
  const OFF_MM = 0.05;
  const places = imageIds
    .map((imageId) => metaData.get('imagePlaneModule', imageId)?.imagePositionPatient as Point)
    .sort((a, b) => a[2] - b[2]);
  const step = (places.at(-1)![2] - places[0]![2]) / (places.length - 1);
  return step > OFF_MM && places.every(([x, y, z], at) =>
    Math.hypot(x - places[0]![0], y - places[0]![1], z - places[0]![2] - at * step) < OFF_MM);
}

/** Goes to the slice nearest to a point and moves the point into the middle. */
async function centre(viewport: StackViewport, point: Point): Promise<void> {
  const index = coreUtilities.getClosestStackImageIndexForPoint(point, viewport);
  if (index === null) return;
  if (index !== viewport.getCurrentImageIdIndex()) await viewport.setImageIdIndex(index);
  const { focalPoint, position } = viewport.getCamera();
  if (!focalPoint || !position) return;
  const inPlane = [point[0] - focalPoint[0], point[1] - focalPoint[1], 0];
  viewport.setCamera({
    focalPoint: focalPoint.map((value, axis) => value + inPlane[axis]!) as Types.Point3,
    position: position.map((value, axis) => value + inPlane[axis]!) as Types.Point3,
  });
  viewport.render();
}

/** Waits until a picture is drawn, and not for ever where it is hidden. */
const rendered = (element: HTMLDivElement): Promise<void> => new Promise((resolve) => {
  element.addEventListener(Enums.Events.IMAGE_RENDERED, () => resolve(), { once: true });
  setTimeout(resolve, 1000);
});

/** Waits until the browser has shown what is drawn, and not for ever where the page is hidden: the work for the volume would keep it from that. */
const painted = (): Promise<void> => new Promise((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, 1000);
});

/** Where the plane of a lesion's level crosses a picture, as far as the lesion's box reaches; null where it does not. */
function crossing(lesion: Lesion, normal: Point, focus: Point): [Point, Point] | null {
  const { point_mm: point, normal: up } = lesion.level!;
  const along = cross(up, normal);
  const length2 = dot(along, along);
  if (length2 < 1e-4) return null;
  // the point of both planes nearest to the origin of the frame
  const [a, b] = [dot(up, point), dot(normal, focus)];
  const [first, second] = [cross(normal, along), cross(along, up)];
  const base = [0, 1, 2].map((k) => (a * first[k]! + b * second[k]!) / length2) as Point;
  let [from, to] = [-Infinity, Infinity];
  for (let k = 0; k < 3; k++) {
    const [low, high] = [lesion.box_mm[0][k]!, lesion.box_mm[1][k]!];
    if (Math.abs(along[k]!) < 1e-9) {
      if (base[k]! < low || base[k]! > high) return null;
      continue;
    }
    const [s, t] = [(low - base[k]!) / along[k]!, (high - base[k]!) / along[k]!];
    from = Math.max(from, Math.min(s, t));
    to = Math.min(to, Math.max(s, t));
  }
  const at = (t: number) => base.map((value, k) => value + t * along[k]!) as Point;
  return from < to ? [at(from), at(to)] : null;
}

/** The edges of the voxels of each label in the axial slice through a point, as SVG paths. */
function outlines(labels: { values: Uint16Array; grid: Analysis['labels'] }, focus: Point, toCanvas: (point: Point) => ArrayLike<number>): Map<number, string> {
  const { size: [columns, rows, slices], origin_mm: origin, steps_mm: [right, down, up] } = labels.grid;
  const slice = Math.round((focus[2] - origin[2]) / up![2]);
  const paths = new Map<number, string[]>();
  if (slice < 0 || slice >= slices) return new Map();
  const place = (column: number, row: number) =>
    toCanvas(origin.map((value, k) => value + column * right![k]! + row * down![k]! + slice * up![k]!) as Point);
  const [start, along, below] = [place(-0.5, -0.5), place(0.5, -0.5), place(-0.5, 0.5)];
  const corner = (column: number, row: number) => [0, 1].map((k) =>
    (start[k]! + column * (along[k]! - start[k]!) + row * (below[k]! - start[k]!)).toFixed(1)).join(' ');
  const first = slice * rows * columns;
  const value = (column: number, row: number) =>
    column < 0 || row < 0 || column >= columns || row >= rows ? 0 : labels.values[first + row * columns + column]!;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const label = value(column, row);
      if (label === 0) continue;
      const edges: [boolean, number, number, number, number][] = [
        [value(column, row - 1) !== label, column, row, column + 1, row],
        [value(column, row + 1) !== label, column, row + 1, column + 1, row + 1],
        [value(column - 1, row) !== label, column, row, column, row + 1],
        [value(column + 1, row) !== label, column + 1, row, column + 1, row + 1],
      ];
      const path = paths.get(label) ?? [];
      paths.set(label, path);
      for (const [isEdge, a, b, c, d] of edges) if (isEdge) path.push(`M${corner(a, b)}L${corner(c, d)}`);
    }
  }
  return new Map([...paths].map(([label, path]) => [label, path.join('')]));
}

/** Whether a picture passes through a gap, or closer than a thick slice. */
function isNear({ ends_mm }: Gap, normal: Point, focus: Point): boolean {
  const THICK_MM = 3;
  const along = ends_mm.map((end) => dot(end, normal) - dot(focus, normal));
  return Math.min(...along) <= THICK_MM && Math.max(...along) >= -THICK_MM;
}

function colour(lesion: Lesion, chosen: boolean): [number, number, number, number] {
  if (chosen) return [255, 235, 59, 255];
  const colours: Record<string, [number, number, number]> = {
    calcification: [236, 72, 120], vascular: [66, 165, 245], bone_or_variant: [160, 160, 160], metal: [120, 220, 232],
    contrast: [171, 128, 230], artefact: [110, 110, 110],
  };
  return [...(colours[lesion.kind] ?? [200, 200, 200]), 255];
}
