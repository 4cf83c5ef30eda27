/*!
A decoder for JPEG-LS (ITU-T T.87, ISO 14495-1): lossless and near-lossless, 2 to 16 bit, all interleave modes.

Names of variables follow the Recommendation's annex A. Restart intervals and mapping tables, which DICOM files do not
use, are refused.
*/

/// Decodes one image into samples interleaved by pixel.
pub(crate) fn decode(
    bytes: &[u8],
    columns: usize,
    rows: usize,
    components: usize,
) -> Result<Vec<u16>, String> {
    let mut markers = Markers { bytes, at: 0 };
    if markers.next()? != 0xd8 {
        return Err("JPEG-LS without its start marker".into());
    }
    let mut frame = None;
    let mut preset = Preset::default();
    let mut image = vec![0u16; columns * rows * components];
    let mut done = 0;
    while done < components {
        match markers.next()? {
            0xf7 => {
                let body = markers.segment()?;
                frame = Some(header(body, columns, rows, components)?);
            }
            0xf8 => preset.read(markers.segment()?)?,
            0xda => {
                let body = markers.segment()?;
                let bits = frame.ok_or("JPEG-LS scan before its frame")?;
                done += scan(
                    body,
                    markers.rest(),
                    &mut markers.at,
                    bits,
                    &preset,
                    &mut image,
                    done,
                    [columns, rows, components],
                )?;
            }
            0xdd => {
                if markers.segment()?.iter().any(|&byte| byte != 0) {
                    return Err("JPEG-LS with restart intervals is not supported".into());
                }
            }
            0xd9 => return Err("JPEG-LS ends before all components".into()),
            0xc0..=0xcf => return Err("this is a JPEG, no JPEG-LS".into()),
            _ => {
                markers.segment()?;
            }
        }
    }
    Ok(image)
}

struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Markers<'a> {
    /// Next marker code; bytes that are none are skipped.
    fn next(&mut self) -> Result<u8, String> {
        while let Some(&[first, second]) =
            self.bytes.get(self.at..self.at + 2).and_then(|two| two.first_chunk())
        {
            if first == 0xff && second > 0x7f && second != 0xff {
                self.at += 2;
                return Ok(second);
            }
            self.at += 1;
        }
        Err("JPEG-LS ends early".into())
    }

    /// Body of the segment that follows a marker.
    fn segment(&mut self) -> Result<&'a [u8], String> {
        let short = || "JPEG-LS ends inside a segment".to_owned();
        let length = self.bytes.get(self.at..self.at + 2).ok_or_else(short)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let body = self.bytes.get(self.at + 2..(self.at + length).max(self.at + 2)).ok_or_else(short)?;
        self.at += length.max(2);
        Ok(body)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// Sample precision of the frame header, which must agree with the data set.
fn header(body: &[u8], columns: usize, rows: usize, components: usize) -> Result<u32, String> {
    let &[bits, y1, y0, x1, x0, count, ..] = body else { return Err("JPEG-LS frame header is short".into()) };
    let size = (usize::from(u16::from_be_bytes([x1, x0])), usize::from(u16::from_be_bytes([y1, y0])));
    if size != (columns, rows) || usize::from(count) != components {
        return Err(format!(
            "JPEG-LS of {}x{}x{count} in an image of {columns}x{rows}x{components}",
            size.0, size.1
        ));
    }
    if !(2..=16).contains(&bits) {
        return Err(format!("JPEG-LS of {bits} bits"));
    }
    Ok(bits.into())
}

/// Preset coding parameters (annex C.2.4.1.1); zero stands for the default.
#[derive(Clone, Copy, Default)]
struct Preset {
    maxval: i32,
    t: [i32; 3],
    reset: i32,
}

impl Preset {
    fn read(&mut self, body: &[u8]) -> Result<(), String> {
        match body.split_first() {
            Some((1, rest)) if rest.len() >= 10 => {
                let number =
                    |index: usize| i32::from(u16::from_be_bytes([rest[2 * index], rest[2 * index + 1]]));
                *self = Self { maxval: number(0), t: [number(1), number(2), number(3)], reset: number(4) };
                Ok(())
            }
            _ => Err("JPEG-LS with a mapping table or oversize image is not supported".into()),
        }
    }
}

/// Decodes one scan; returns how many components it held and moves `at` behind it.
#[expect(clippy::too_many_arguments, reason = "a scan needs the whole state of the stream")]
fn scan(
    body: &[u8],
    data: &[u8],
    at: &mut usize,
    bits: u32,
    preset: &Preset,
    image: &mut [u16],
    first: usize,
    [columns, rows, components]: [usize; 3],
) -> Result<usize, String> {
    let count = usize::from(*body.first().ok_or("JPEG-LS scan header is short")?);
    let &[near, interleave, transform] = body
        .get(1 + 2 * count..4 + 2 * count)
        .and_then(|three| three.first_chunk())
        .ok_or("JPEG-LS scan header is short")?;
    if body.get(2..1 + 2 * count).is_some_and(|tables| tables.iter().step_by(2).any(|&table| table != 0)) {
        return Err("JPEG-LS with mapping tables is not supported".into());
    }
    if transform != 0 {
        return Err("JPEG-LS with a point transform is not supported".into());
    }
    if count == 0 || first + count > components || (count > 1) != (interleave > 0) || interleave > 2 {
        return Err(format!("JPEG-LS scan of {count} components with interleave {interleave}"));
    }
    let mut coder = Coder::new(bits, near.into(), preset)?;
    let mut reader = Bits::new(data);
    let width = columns + 2;
    // line above and line in work of each component, with one sample of margin at either side
    let mut above = vec![0i32; width * count];
    let mut line = vec![0i32; width * count];
    let mut run_index = vec![0usize; count];
    for row in 0..rows {
        for component in 0..count {
            let (above, line) =
                (&mut above[component * width..][..width], &mut line[component * width..][..width]);
            above[columns + 1] = above[columns];
            line[0] = above[1];
        }
        if interleave == 2 {
            coder.line_by_pixel(&mut reader, &above, &mut line, columns, count, &mut run_index[0]);
        } else {
            for (component, run_index) in run_index.iter_mut().enumerate() {
                let range = component * width..(component + 1) * width;
                coder.line(&mut reader, &above[range.clone()], &mut line[range], columns, run_index);
            }
        }
        if reader.over {
            return Err(format!("JPEG-LS ends in line {} of {rows}", row + 1));
        }
        for component in 0..count {
            let out = image[row * columns * components..][..columns * components].iter_mut();
            let samples = &line[component * width + 1..][..columns];
            for (to, &sample) in out.skip(first + component).step_by(components).zip(samples) {
                *to = sample as u16;
            }
        }
        std::mem::swap(&mut above, &mut line);
    }
    *at += reader.consumed();
    Ok(count)
}

/// Order of the run-length code (A.7.1.1).
const J: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Contexts 0..=364 are regular, 365 and 366 belong to run interruptions.
const CONTEXTS: usize = 367;

struct Coder {
    near: i32,
    maxval: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    t: [i32; 3],
    reset: i32,
    a: [i32; CONTEXTS],
    b: [i32; CONTEXTS],
    c: [i32; CONTEXTS],
    n: [i32; CONTEXTS],
    negative: [i32; 2],
}

impl Coder {
    fn new(bits: u32, near: i32, preset: &Preset) -> Result<Self, String> {
        let maxval = if preset.maxval > 0 { preset.maxval } else { (1 << bits) - 1 };
        if maxval >= 1 << bits || near > maxval / 2 || near > 255 {
            return Err(format!("JPEG-LS with maximum {maxval} and tolerance {near}"));
        }
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let ceil_log2 = |value: i32| 32 - (value - 1).leading_zeros();
        let bpp = ceil_log2(maxval + 1).max(2);
        let usual = thresholds(maxval, near);
        let t = std::array::from_fn(|index| if preset.t[index] > 0 { preset.t[index] } else { usual[index] });
        Ok(Self {
            near,
            maxval,
            range,
            qbpp: ceil_log2(range),
            limit: 2 * (bpp + bpp.max(8)),
            t,
            reset: if preset.reset > 0 { preset.reset } else { 64 },
            a: [((range + 32) / 64).max(2); CONTEXTS],
            b: [0; CONTEXTS],
            c: [0; CONTEXTS],
            n: [1; CONTEXTS],
            negative: [0; 2],
        })
    }

    /// One line of one component.
    fn line(
        &mut self,
        bits: &mut Bits<'_>,
        above: &[i32],
        line: &mut [i32],
        columns: usize,
        run_index: &mut usize,
    ) {
        let mut x = 1;
        while x <= columns {
            let (ra, rb, rc, rd) = (line[x - 1], above[x], above[x - 1], above[x + 1]);
            let gradients = [rd - rb, rb - rc, rc - ra];
            if gradients.iter().all(|gradient| gradient.abs() <= self.near) {
                let end = self.run(bits, columns + 1 - x, run_index) + x;
                line[x..end].fill(ra);
                x = end;
                if x <= columns {
                    let rb = above[x];
                    let like = (ra - rb).abs() <= self.near;
                    let error = self.interruption(bits, usize::from(like), J[*run_index]);
                    line[x] = if like {
                        self.restore(ra, error)
                    } else {
                        self.restore(rb, if ra > rb { -error } else { error })
                    };
                    *run_index = run_index.saturating_sub(1);
                    x += 1;
                }
            } else {
                line[x] = self.regular(bits, gradients, ra, rb, rc);
                x += 1;
            }
        }
    }

    /// One line of all components, pixel by pixel (interleave mode 2).
    fn line_by_pixel(
        &mut self,
        bits: &mut Bits<'_>,
        above: &[i32],
        line: &mut [i32],
        columns: usize,
        count: usize,
        run_index: &mut usize,
    ) {
        let width = columns + 2;
        let mut x = 1;
        while x <= columns {
            let flat = (0..count).all(|component| {
                let at = component * width + x;
                let (ra, rb, rc, rd) = (line[at - 1], above[at], above[at - 1], above[at + 1]);
                [rd - rb, rb - rc, rc - ra].iter().all(|gradient| gradient.abs() <= self.near)
            });
            if flat {
                let run = self.run(bits, columns + 1 - x, run_index);
                for component in 0..count {
                    let at = component * width + x;
                    let ra = line[at - 1];
                    line[at..at + run].fill(ra);
                }
                x += run;
                if x <= columns {
                    for component in 0..count {
                        let at = component * width + x;
                        let (ra, rb) = (line[at - 1], above[at]);
                        let error = self.interruption(bits, 0, J[*run_index]);
                        line[at] = self.restore(rb, if ra > rb { -error } else { error });
                    }
                    *run_index = run_index.saturating_sub(1);
                    x += 1;
                }
            } else {
                for component in 0..count {
                    let at = component * width + x;
                    let (ra, rb, rc, rd) = (line[at - 1], above[at], above[at - 1], above[at + 1]);
                    line[at] = self.regular(bits, [rd - rb, rb - rc, rc - ra], ra, rb, rc);
                }
                x += 1;
            }
        }
    }

    /// A sample in regular mode (A.4 to A.6).
    fn regular(&mut self, bits: &mut Bits<'_>, gradients: [i32; 3], ra: i32, rb: i32, rc: i32) -> i32 {
        let [q1, q2, q3] = gradients.map(|gradient| self.quantise(gradient));
        let q = 81 * q1 + 9 * q2 + q3;
        let (q, negative) = if q < 0 { ((-q) as usize, true) } else { (q as usize, false) };
        let predicted = if rc >= ra.max(rb) {
            ra.min(rb)
        } else if rc <= ra.min(rb) {
            ra.max(rb)
        } else {
            ra + rb - rc
        };
        let corrected = if negative { predicted - self.c[q] } else { predicted + self.c[q] };
        let predicted = corrected.clamp(0, self.maxval);
        let (n, a) = (self.n[q], self.a[q]);
        let k = order(n, a);
        // a damaged stream must not overflow what follows
        let mapped = bits.golomb(k, self.limit, self.qbpp).min(2 * self.range);
        let error = if self.near == 0 && k == 0 && 2 * self.b[q] <= -n {
            if mapped & 1 == 1 { mapped >> 1 } else { -(mapped >> 1) - 1 }
        } else if mapped & 1 == 0 {
            mapped >> 1
        } else {
            -(mapped >> 1) - 1
        };
        self.learn(q, error);
        self.restore(predicted, if negative { -error } else { error })
    }

    /// Updates a regular context (A.6).
    fn learn(&mut self, q: usize, error: i32) {
        let (mut a, mut b, mut n) =
            (self.a[q] + error.abs(), self.b[q] + error * (2 * self.near + 1), self.n[q]);
        if n == self.reset {
            a >>= 1;
            b >>= 1;
            n >>= 1;
        }
        n += 1;
        if b <= -n {
            b = (b + n).max(1 - n);
            self.c[q] = (self.c[q] - 1).max(-128);
        } else if b > 0 {
            b = (b - n).min(0);
            self.c[q] = (self.c[q] + 1).min(127);
        }
        (self.a[q], self.b[q], self.n[q]) = (a, b, n);
    }

    /// Length of a run, at most `left` (A.7.1).
    fn run(&mut self, bits: &mut Bits<'_>, left: usize, run_index: &mut usize) -> usize {
        let mut run = 0;
        while bits.bit() {
            let block = 1usize << J[*run_index];
            // a block that the end of the line cuts short does not count
            if block <= left - run {
                *run_index = (*run_index + 1).min(31);
            }
            run += block.min(left - run);
            if run >= left {
                return left;
            }
        }
        let rest = bits.take(J[*run_index]) as usize;
        (run + rest).min(left)
    }

    /// Error of the sample that ends a run (A.7.2).
    fn interruption(&mut self, bits: &mut Bits<'_>, kind: usize, j: u32) -> i32 {
        let q = 365 + kind;
        let n = self.n[q];
        let temp = self.a[q] + if kind == 1 { n >> 1 } else { 0 };
        let k = order(n, temp);
        let mapped = bits.golomb(k, self.limit - j - 1, self.qbpp).min(2 * self.range);
        let sum = mapped + kind as i32;
        let size = (sum + 1) >> 1;
        let error = if (k != 0 || 2 * self.negative[kind] >= n) == (sum & 1 == 1) { -size } else { size };
        if error < 0 {
            self.negative[kind] += 1;
        }
        self.a[q] += (mapped + 1 - kind as i32) >> 1;
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.n[q] >>= 1;
            self.negative[kind] >>= 1;
        }
        self.n[q] += 1;
        error
    }

    /// Prediction plus error, modulo the range (A.4.5).
    fn restore(&self, predicted: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let mut value = predicted + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.maxval + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.maxval)
    }

    fn quantise(&self, gradient: i32) -> i32 {
        let size = gradient.abs();
        let level = if size <= self.near {
            0
        } else if size < self.t[0] {
            1
        } else if size < self.t[1] {
            2
        } else if size < self.t[2] {
            3
        } else {
            4
        };
        if gradient < 0 { -level } else { level }
    }
}

/// Golomb order: the least k with n·2^k ≥ a.
fn order(n: i32, a: i32) -> u32 {
    let mut k = 0;
    while k < 24 && i64::from(n) << k < i64::from(a) {
        k += 1;
    }
    k
}

/// Default thresholds (C.2.4.1.1.1).
fn thresholds(maxval: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, low: i32| if value > maxval || value < low { low } else { value };
    let [basic1, basic2, basic3] = [3, 7, 21];
    if maxval >= 128 {
        let factor = (maxval.min(4095) + 128) / 256;
        let t1 = clamp(factor * (basic1 - 2) + 2 + 3 * near, near + 1);
        let t2 = clamp(factor * (basic2 - 3) + 3 + 5 * near, t1);
        [t1, t2, clamp(factor * (basic3 - 4) + 4 + 7 * near, t2)]
    } else {
        let factor = 256 / (maxval + 1);
        let t1 = clamp((basic1 / factor + 3 * near).max(2), near + 1);
        let t2 = clamp((basic2 / factor + 5 * near).max(3), t1);
        [t1, t2, clamp((basic3 / factor + 7 * near).max(4), t2)]
    }
}

/// Bits of a scan; behind a byte of ones a bit is stuffed (A.1).
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// Bits read ahead, the next one on top.
    ahead: u64,
    count: u32,
    ended: bool,
    /// More bits were asked for than there are.
    over: bool,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, ahead: 0, count: 0, ended: false, over: false }
    }

    fn fill(&mut self) {
        while self.count <= 56 && !self.ended {
            let stuffed = self.at > 0 && self.data[self.at - 1] == 0xff;
            match self.data.get(self.at) {
                Some(&byte) if !(stuffed && byte > 0x7f) => {
                    let width = if stuffed { 7 } else { 8 };
                    self.ahead |= u64::from(byte) << (64 - width - self.count);
                    self.count += width;
                    self.at += 1;
                }
                _ => self.ended = true,
            }
        }
    }

    fn need(&mut self, count: u32) {
        if self.count < count {
            self.fill();
            if self.count < count {
                self.over = true;
                self.count = 64;
            }
        }
    }

    fn bit(&mut self) -> bool {
        self.take(1) == 1
    }

    fn take(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        self.need(count);
        let value = (self.ahead >> (64 - count)) as u32;
        self.ahead <<= count;
        self.count -= count;
        value
    }

    /// A limited-length Golomb code (A.5.3).
    fn golomb(&mut self, k: u32, limit: u32, qbpp: u32) -> i32 {
        let escape = limit - qbpp - 1;
        let mut zeros = 0;
        loop {
            self.need(1);
            let run = self.ahead.leading_zeros().min(self.count);
            if run < self.count {
                zeros += run;
                self.ahead <<= run;
                self.ahead <<= 1;
                self.count -= run + 1;
                break;
            }
            zeros += run;
            self.ahead = 0;
            self.count = 0;
            if self.over || zeros > 128 {
                self.over = true;
                return 0;
            }
        }
        if zeros < escape { (zeros << k | self.take(k)) as i32 } else { self.take(qbpp) as i32 + 1 }
    }

    /// Bytes up to the marker that ends the scan; the caller looks for it from here.
    fn consumed(&self) -> usize {
        // bytes read ahead but not used hold no marker: the reader stops before one
        self.at.saturating_sub(1)
    }
}
