/** Pictures: a thin layer over Cornerstone3D, fed by the server's WADO-RS. */
import {
  Enums, RenderingEngine, eventTarget, init as initCore, setVolumesForViewports, volumeLoader, cache, type Types,
} from '@cornerstonejs/core';
import {
  AngleTool, CircleROITool, CrosshairsTool, EllipticalROITool, Enums as ToolEnums, LengthTool, PanTool, StackScrollTool,
  ToolGroupManager, TrackballRotateTool, WindowLevelTool, ZoomTool, addTool, annotation, init as initTools, segmentation,
} from '@cornerstonejs/tools';
import { init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';
import { api, type Analysis, type Lesion, type Study } from './api';

/** One plane, three planes, or three planes and a volume rendering. */
export type Layout = 'stack' | 'planes' | 'solid';
export type Hand = 'WindowLevel' | 'Length' | 'Angle' | 'EllipticalROI' | 'CircleROI' | 'Crosshairs' | 'Pan' | 'Zoom';

/** Centre and width in HU, by the digit key. */
export const WINDOWS: { key: string; centre: number; width: number }[] = [
  { key: 'soft', centre: 40, width: 400 },
  { key: 'bone', centre: 500, width: 2000 },
  { key: 'calcium', centre: 250, width: 800 },
  { key: 'lung', centre: -600, width: 1500 },
  { key: 'fat', centre: -50, width: 350 },
];

const ENGINE = 'apatite';
const GROUP = 'apatite-planes';
const PLANES = ['axial', 'coronal', 'sagittal'] as const;
const SEGMENTATION = 'apatite-lesions';

let ready: Promise<void> | null = null;

function prepared(): Promise<void> {
  ready ??= (async () => {
    await initCore();
    initLoader({ maxWebWorkers: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) });
    await initTools();
    for (const tool of [AngleTool, CircleROITool, CrosshairsTool, EllipticalROITool, LengthTool, PanTool, StackScrollTool,
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
  #resize: ResizeObserver;

  /** `elements`: axial, coronal, sagittal, volume. */
  constructor(elements: Record<string, HTMLDivElement>) {
    this.#elements = elements;
    this.#resize = new ResizeObserver(() => this.#engine?.resize(true, true));
    for (const element of Object.values(elements)) {
      this.#resize.observe(element);
      element.addEventListener('contextmenu', (event) => event.preventDefault());
    }
  }

  destroy(): void {
    this.#shown++;
    this.#resize.disconnect();
    ToolGroupManager.destroyToolGroup(GROUP);
    ToolGroupManager.destroyToolGroup(`${GROUP}-volume`);
    this.#engine?.destroy();
    segmentation.removeAllSegmentations();
    annotation.state.removeAllAnnotations();
    cache.purgeCache();
  }

  /** Shows a series; returns whether it makes a volume. `progress` is told the share of slices loaded. */
  async show(study: string, series: string, layout: Layout, progress: (share: number) => void): Promise<boolean> {
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
    segmentation.removeAllSegmentations();
    this.#labelled = '';
    this.#engine = new RenderingEngine(ENGINE);
    this.#layout = isVolume ? layout : 'stack';
    if (isVolume) await this.#showVolume(imageIds, series, turn, progress);
    else {
      await this.#showStack(imageIds);
      progress(1);
    }
    return isVolume;
  }

  setHand(hand: Hand): void {
    const group = ToolGroupManager.getToolGroup(GROUP);
    if (!group) return;
    const { Primary, Auxiliary, Secondary } = ToolEnums.MouseBindings;
    for (const name of [WindowLevelTool, LengthTool, AngleTool, EllipticalROITool, CircleROITool].map((t) => t.toolName)) {
      if (group.hasTool(name)) group.setToolPassive(name);
    }
    if (group.hasTool(CrosshairsTool.toolName)) {
      if (hand === 'Crosshairs') group.setToolActive(CrosshairsTool.toolName, { bindings: [{ mouseButton: Primary }] });
      else group.setToolDisabled(CrosshairsTool.toolName);
    }
    group.setToolActive(PanTool.toolName, { bindings: [{ mouseButton: Auxiliary }, ...(hand === 'Pan' ? [{ mouseButton: Primary }] : [])] });
    group.setToolActive(ZoomTool.toolName, { bindings: [{ mouseButton: Secondary }, ...(hand === 'Zoom' ? [{ mouseButton: Primary }] : [])] });
    group.setToolActive(StackScrollTool.toolName, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Wheel }] });
    if (!['Crosshairs', 'Pan', 'Zoom'].includes(hand)) {
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
      viewport.setCamera({
        focalPoint: focalPoint.map((value, axis) => value + offset[axis]!) as Types.Point3,
        position: position.map((value, axis) => value + offset[axis]!) as Types.Point3,
      });
    }
    this.#engine?.render();
  }

  reset(): void {
    for (const viewport of this.#flat()) viewport.resetCamera();
    this.#engine?.render();
  }

  scroll(slices: number): void {
    const viewport = this.#flat()[0];
    if (viewport) (viewport as Types.IVolumeViewport).scroll(slices);
  }

  /** Shows or hides the lesions of an analysis, those rejected never; one may stand out. */
  async setLesions(study: Study, shown: boolean, chosen: number | null): Promise<void> {
    const analysis = study.analysis;
    if (!this.#engine || !analysis || this.#volumeId === null) return;
    if (this.#labelled !== study.uid) {
      if (!shown) return;
      const turn = this.#shown;
      const labels = await api.labels(study.uid);
      if (turn !== this.#shown) return;
      await this.#addLabels(study.uid, analysis, labels);
      this.#labelled = study.uid;
    }
    for (const viewport of this.#flat()) {
      for (const lesion of analysis.lesions) {
        const specifier = { segmentationId: SEGMENTATION, type: ToolEnums.SegmentationRepresentations.Labelmap };
        const visible = shown && lesion.verdict !== 'rejected';
        segmentation.config.visibility.setSegmentIndexVisibility(viewport.id, specifier, lesion.id, visible);
        segmentation.config.color.setSegmentIndexColor(viewport.id, SEGMENTATION, lesion.id, colour(lesion, lesion.id === chosen));
      }
    }
    this.#engine.render();
  }

  async #addLabels(study: string, { labels }: Analysis, values: Uint16Array): Promise<void> {
    const spacing = labels.steps_mm.map((step) => Math.hypot(...step)) as Types.Point3;
    const direction = labels.steps_mm.flatMap((step, axis) => step.map((value) => value / spacing[axis]!));
    const largest = values.reduce((a, b) => Math.max(a, b), 0);
    const volumeId = `lesions-${study}`;
    if (cache.getVolume(volumeId)) cache.removeVolumeLoadObject(volumeId);
    volumeLoader.createLocalVolume(volumeId, {
      metadata: {
        BitsAllocated: largest > 255 ? 16 : 8, BitsStored: largest > 255 ? 16 : 8, SamplesPerPixel: 1,
        HighBit: largest > 255 ? 15 : 7, PhotometricInterpretation: 'MONOCHROME2', PixelRepresentation: 0,
        Modality: 'SEG', ImageOrientationPatient: direction.slice(0, 6), PixelSpacing: [spacing[1], spacing[0]],
        FrameOfReferenceUID: this.#frameOfReference(), Columns: labels.size[0], Rows: labels.size[1], voiLut: [], VOILUTFunction: '',
      } as never,
      dimensions: labels.size as Types.Point3,
      spacing,
      origin: labels.origin_mm as Types.Point3,
      direction: direction as unknown as Types.Mat3,
      scalarData: largest > 255 ? values : Uint8Array.from(values),
    });
    segmentation.addSegmentations([{
      segmentationId: SEGMENTATION,
      representation: { type: ToolEnums.SegmentationRepresentations.Labelmap, data: { volumeId } },
    }]);
    for (const viewport of this.#flat()) {
      await segmentation.addLabelmapRepresentationToViewport(viewport.id, [{ segmentationId: SEGMENTATION }]);
    }
  }

  #frameOfReference(): string {
    const volume = this.#volumeId === null ? null : cache.getVolume(this.#volumeId);
    return volume?.metadata.FrameOfReferenceUID ?? '';
  }

  async #showVolume(imageIds: string[], series: string, turn: number, progress: (share: number) => void): Promise<void> {
    const engine = this.#engine!;
    const volumeId = `cornerstoneStreamingImageVolume:${series}`;
    this.#volumeId = volumeId;
    const orientations = { axial: Enums.OrientationAxis.AXIAL, coronal: Enums.OrientationAxis.CORONAL, sagittal: Enums.OrientationAxis.SAGITTAL };
    const planes = this.#layout !== 'stack' ? PLANES : (['axial'] as const);
    engine.setViewports([
      ...planes.map((plane) => ({
        viewportId: plane, element: this.#elements[plane]!, type: Enums.ViewportType.ORTHOGRAPHIC,
        defaultOptions: { orientation: orientations[plane], background: [0, 0, 0] as Types.Point3 },
      })),
      ...(this.#layout === 'solid'
        ? [{ viewportId: 'volume', element: this.#elements.volume!, type: Enums.ViewportType.VOLUME_3D,
            defaultOptions: { orientation: Enums.OrientationAxis.CORONAL, background: [0, 0, 0] as Types.Point3 } }]
        : []),
    ]);
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
    await setVolumesForViewports(engine, [{ volumeId }], [...planes]);
    if (this.#layout === 'solid') {
      await setVolumesForViewports(engine, [{ volumeId }], ['volume']);
      (engine.getViewport('volume') as Types.IVolumeViewport).setProperties({ preset: 'CT-Bone' });
    }
    this.#tools([...planes]);
    engine.render();
  }

  async #showStack(imageIds: string[]): Promise<void> {
    const engine = this.#engine!;
    this.#volumeId = null;
    engine.enableElement({ viewportId: 'axial', element: this.#elements.axial!, type: Enums.ViewportType.STACK });
    await (engine.getViewport('axial') as Types.IStackViewport).setStack(imageIds, 0);
    this.#tools(['axial']);
    engine.render();
  }

  #tools(viewports: string[]): void {
    ToolGroupManager.destroyToolGroup(GROUP);
    ToolGroupManager.destroyToolGroup(`${GROUP}-volume`);
    const group = ToolGroupManager.createToolGroup(GROUP)!;
    for (const tool of [WindowLevelTool, PanTool, ZoomTool, StackScrollTool, LengthTool, AngleTool, EllipticalROITool, CircleROITool]) {
      group.addTool(tool.toolName);
    }
    for (const viewport of viewports) group.addViewport(viewport, ENGINE);
    if (viewports.length > 1) {
      const colours: Record<string, string> = { axial: '#e5a23d', coronal: '#4fa3e0', sagittal: '#57b66b' };
      group.addTool(CrosshairsTool.toolName, { getReferenceLineColor: (id: string) => colours[id] ?? '#ccc' });
    }
    if (this.#layout === 'solid') {
      const volume = ToolGroupManager.createToolGroup(`${GROUP}-volume`)!;
      volume.addTool(TrackballRotateTool.toolName);
      volume.addTool(ZoomTool.toolName);
      volume.addViewport('volume', ENGINE);
      volume.setToolActive(TrackballRotateTool.toolName, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Primary }] });
      volume.setToolActive(ZoomTool.toolName, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Secondary }] });
    }
    this.setHand('WindowLevel');
  }

  #flat(): (Types.IVolumeViewport | Types.IStackViewport)[] {
    const viewports = this.#engine?.getViewports() ?? [];
    return viewports.filter((viewport) => viewport.id !== 'volume') as (Types.IVolumeViewport | Types.IStackViewport)[];
  }
}

function colour(lesion: Lesion, chosen: boolean): [number, number, number, number] {
  if (chosen) return [255, 235, 59, 255];
  const colours: Record<string, [number, number, number]> = {
    calcification: [236, 72, 120], vascular: [66, 165, 245], bone_or_variant: [160, 160, 160], metal: [120, 220, 232],
    contrast: [171, 128, 230], artefact: [110, 110, 110],
  };
  return [...(colours[lesion.kind] ?? [200, 200, 200]), 255];
}
