/*!
A decoder for JPEG extended sequential (ISO 10918-1 process 4) with 12 bit and one component: what CT in transfer syntax
1.2.840.10008.1.2.4.51 is, and what the jpeg-decoder crate does not read.
*/

/// Sample precision of the frame, if its header is found.
pub(crate) fn precision(bytes: &[u8]) -> Option<u8> {
    let segments = Segments { bytes, at: 2 };
    for (marker, body) in segments {
        if matches!(marker, 0xc0..=0xc2) {
            return body.first().copied();
        }
        if marker == 0xda {
            return None;
        }
    }
    None
}

/// Decodes one greyscale image.
pub(crate) fn decode(bytes: &[u8], columns: usize, rows: usize) -> Result<Vec<u16>, String> {
    let mut segments = Segments { bytes, at: 2 };
    let mut quantisation = [[0i32; 64]; 4];
    let mut tables: [[Option<Huffman>; 4]; 2] = Default::default();
    let mut frame = None;
    let mut restart = 0;
    while let Some((marker, body)) = segments.next() {
        match marker {
            0xdb => read_quantisation(body, &mut quantisation)?,
            0xc4 => read_huffman(body, &mut tables)?,
            0xc1 => frame = Some(read_frame(body, columns, rows)?),
            0xc0 | 0xc2..=0xcf => {
                return Err(format!("JPEG process {marker:#x} with 12 bit is not supported"));
            }
            0xdd => restart = body.first_chunk().map_or(0, |&two| u16::from_be_bytes(two)),
            0xda => {
                let table = frame.ok_or("JPEG scan before its frame")?;
                let &[1, _, selector, ..] = body else {
                    return Err("JPEG scan of several components with 12 bit is not supported".into());
                };
                let (Some(dc), Some(ac)) =
                    (&tables[0][usize::from(selector >> 4) & 3], &tables[1][usize::from(selector) & 3])
                else {
                    return Err("JPEG scan without its Huffman tables".into());
                };
                let data = bytes.get(segments.at..).unwrap_or_default();
                return scan(data, dc, ac, &quantisation[table], restart, columns, rows);
            }
            _ => {}
        }
    }
    Err("JPEG ends before its scan".into())
}

struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while *self.bytes.get(self.at)? != 0xff || matches!(*self.bytes.get(self.at + 1)?, 0 | 0xff) {
            self.at += 1;
        }
        let marker = *self.bytes.get(self.at + 1)?;
        let length = self
            .bytes
            .get(self.at + 2..self.at + 4)?
            .first_chunk()
            .map(|&two| usize::from(u16::from_be_bytes(two)))?;
        let body = self.bytes.get(self.at + 4..(self.at + 2 + length.max(2)))?;
        self.at += 2 + length.max(2);
        Some((marker, body))
    }
}

/// Zigzag order to row order.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

fn read_quantisation(mut body: &[u8], tables: &mut [[i32; 64]; 4]) -> Result<(), String> {
    while let Some((&head, rest)) = body.split_first() {
        let wide = head >> 4 == 1;
        let length = if wide { 128 } else { 64 };
        let values = rest.get(..length).ok_or("JPEG quantisation table is short")?;
        let table = tables.get_mut(usize::from(head & 15)).ok_or("JPEG with a fifth quantisation table")?;
        for (index, &place) in ZIGZAG.iter().enumerate() {
            table[place] = if wide {
                i32::from(u16::from_be_bytes([values[2 * index], values[2 * index + 1]]))
            } else {
                values[index].into()
            };
        }
        body = &rest[length..];
    }
    Ok(())
}

struct Huffman {
    /// First code, first place and number of codes of each length.
    lengths: [(u32, usize, u32); 17],
    symbols: Vec<u8>,
}

fn read_huffman(mut body: &[u8], tables: &mut [[Option<Huffman>; 4]; 2]) -> Result<(), String> {
    while let Some((&head, rest)) = body.split_first() {
        let counts = rest.get(..16).ok_or("JPEG Huffman table is short")?;
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let symbols = rest.get(16..16 + total).ok_or("JPEG Huffman table is short")?.to_vec();
        let mut lengths = [(0, 0, 0); 17];
        let (mut code, mut place) = (0u32, 0);
        for (index, &count) in counts.iter().enumerate() {
            lengths[index + 1] = (code, place, u32::from(count));
            place += usize::from(count);
            code = (code + u32::from(count)) << 1;
        }
        let slot = tables
            .get_mut(usize::from(head >> 4))
            .and_then(|class| class.get_mut(usize::from(head & 15)))
            .ok_or("JPEG Huffman table of unknown class")?;
        *slot = Some(Huffman { lengths, symbols });
        body = &rest[16 + total..];
    }
    Ok(())
}

/// Number of the quantisation table.
fn read_frame(body: &[u8], columns: usize, rows: usize) -> Result<usize, String> {
    let &[12, y1, y0, x1, x0, 1, _, _, table, ..] = body else {
        return Err("JPEG of 12 bit is read with one component only".into());
    };
    let size = (usize::from(u16::from_be_bytes([x1, x0])), usize::from(u16::from_be_bytes([y1, y0])));
    if size != (columns, rows) {
        return Err(format!("JPEG of {}x{} in an image of {columns}x{rows}", size.0, size.1));
    }
    Ok(usize::from(table & 3))
}

fn scan(
    data: &[u8],
    dc: &Huffman,
    ac: &Huffman,
    quantisation: &[i32; 64],
    restart: u16,
    columns: usize,
    rows: usize,
) -> Result<Vec<u16>, String> {
    let cosines = cosines();
    let mut bits = Bits { data, at: 0, ahead: 0, count: 0 };
    let mut image = vec![0u16; columns * rows];
    let blocks = columns.div_ceil(8) * rows.div_ceil(8);
    let mut previous = 0;
    for block in 0..blocks {
        if restart > 0 && block > 0 && block % usize::from(restart) == 0 {
            bits.restart();
            previous = 0;
        }
        let short = || format!("JPEG ends in block {} of {blocks}", block + 1);
        let mut coefficients = [0i32; 64];
        let size = u32::from(bits.symbol(dc).ok_or_else(short)?);
        previous = bits.signed(size).ok_or_else(short)?.wrapping_add(previous);
        coefficients[0] = previous.wrapping_mul(quantisation[0]);
        let mut index = 1;
        while index < 64 {
            let symbol = bits.symbol(ac).ok_or_else(short)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if zeros < 15 {
                    break;
                }
                index += 16;
                continue;
            }
            index += zeros;
            let value = bits.signed(size).ok_or_else(short)?;
            let Some(&place) = ZIGZAG.get(index) else {
                return Err("JPEG block holds too many values".into());
            };
            coefficients[place] = value.wrapping_mul(quantisation[place]);
            index += 1;
        }
        let samples = inverse(&coefficients, &cosines);
        let (x0, y0) = (8 * (block % columns.div_ceil(8)), 8 * (block / columns.div_ceil(8)));
        for y in 0..8.min(rows - y0) {
            for x in 0..8.min(columns - x0) {
                // level shift of 12 bit (A.3.1)
                image[(y0 + y) * columns + x0 + x] =
                    (samples[8 * y + x] + 2048.0).round().clamp(0.0, 4095.0) as u16;
            }
        }
    }
    Ok(image)
}

/// `cosines[u][x]` of the inverse transform (A.3.3), normalised.
fn cosines() -> [[f32; 8]; 8] {
    std::array::from_fn(|u| {
        std::array::from_fn(|x| {
            let scale = if u == 0 { 0.125f64.sqrt() } else { 0.5 };
            (scale * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos()) as f32
        })
    })
}

fn inverse(coefficients: &[i32; 64], cosines: &[[f32; 8]; 8]) -> [f32; 64] {
    let mut half = [0f32; 64];
    for v in 0..8 {
        for (u, cosine) in cosines.iter().enumerate() {
            let value = coefficients[8 * v + u] as f32;
            if value != 0.0 {
                for x in 0..8 {
                    half[8 * v + x] += value * cosine[x];
                }
            }
        }
    }
    let mut samples = [0f32; 64];
    for (v, cosine) in cosines.iter().enumerate() {
        for y in 0..8 {
            for x in 0..8 {
                samples[8 * y + x] += half[8 * v + x] * cosine[y];
            }
        }
    }
    samples
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    ahead: u32,
    count: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        if self.count == 0 {
            let byte = *self.data.get(self.at)?;
            if byte == 0xff {
                // a zero is stuffed behind ones; anything else is a marker
                if *self.data.get(self.at + 1)? != 0 {
                    return None;
                }
                self.at += 1;
            }
            self.at += 1;
            self.ahead = byte.into();
            self.count = 8;
        }
        self.count -= 1;
        Some(self.ahead >> self.count & 1)
    }

    fn symbol(&mut self, table: &Huffman) -> Option<u8> {
        let mut code = 0;
        for &(first, place, count) in &table.lengths[1..] {
            code = code << 1 | self.bit()?;
            if let Some(offset) = code.checked_sub(first).filter(|&offset| offset < count) {
                return table.symbols.get(place + offset as usize).copied();
            }
        }
        None
    }

    /// Additional bits with their sign (F.2.2.1).
    fn signed(&mut self, size: u32) -> Option<i32> {
        if size > 15 {
            return None;
        }
        let mut value = 0;
        for _ in 0..size {
            value = value << 1 | self.bit()?.cast_signed();
        }
        Some(if size > 0 && value < 1 << (size - 1) { value - (1 << size) + 1 } else { value })
    }

    /// Moves behind the next restart marker.
    fn restart(&mut self) {
        self.count = 0;
        while let Some(two) = self.data.get(self.at..self.at + 2) {
            if two[0] == 0xff && (0xd0..=0xd7).contains(&two[1]) {
                self.at += 2;
                return;
            }
            self.at += 1;
        }
    }
}
