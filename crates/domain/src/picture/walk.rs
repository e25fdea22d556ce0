//! The parts of each format's file, one after the other, without what they hold.

use super::Damage;

fn be_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(word)).ok()
}

fn le_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(word)).ok()
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// PNG (third edition) §5: chunks with checksums, from IHDR to IEND. Of chunks that a reader may ignore, the checksum is
/// not looked at, as in browsers.
pub fn png(bytes: &[u8]) -> Result<(), Damage> {
    if !bytes.starts_with(SIGNATURE) {
        // The signature has a CR LF, an LF and a byte over 127 for this very purpose.
        return Err(if SIGNATURE.starts_with(bytes) {
            Damage::Truncated
        } else {
            Damage::Broken("its line ends were converted on the way, as in a text")
        });
    }
    let (mut at, mut colours, mut has_palette, mut has_data) = (SIGNATURE.len(), None, false, false);
    loop {
        let length = be_u32(bytes, at).ok_or(Damage::Truncated)?;
        let end = length.checked_add(12).and_then(|length| at.checked_add(length));
        let end = end.ok_or(Damage::Truncated)?;
        let chunk = bytes.get(at + 4..end).ok_or(Damage::Truncated)?;
        let (named, sum) = chunk.split_at(length + 4);
        let (name, content) = named.split_at(4);
        let is_critical = name[0].is_ascii_uppercase();
        if is_critical && be_u32(sum, 0) != usize::try_from(crc32fast::hash(named)).ok() {
            return Err(Damage::Broken("a checksum (CRC) is wrong"));
        }
        match (name, colours) {
            (b"IHDR", None) if length == 13 => colours = Some(content[9]),
            (_, None) => return Err(Damage::Broken("it does not begin with its header")),
            (b"PLTE", _) => has_palette = length > 0 && length % 3 == 0,
            (b"IDAT", Some(3)) if !has_palette => return Err(Damage::Broken("its palette is missing")),
            (b"IDAT", _) => has_data = true,
            (b"IEND", _) if has_data => return Ok(()),
            (b"IEND", _) => return Err(Damage::Broken("it has no picture data")),
            _ => {}
        }
        at = end;
    }
}

/// ITU-T T.81 §B: segments from SOI to EOI. Bytes between them that are no marker are skipped, as decoders do; that is
/// also how the compressed data are passed over.
pub fn jpeg(bytes: &[u8]) -> Result<(), Damage> {
    let (mut at, mut has_frame, mut has_scan) = (2, false, false);
    loop {
        let skipped = bytes
            .get(at..)
            .and_then(|rest| rest.iter().position(|byte| *byte == 0xff));
        at += skipped.ok_or(Damage::Truncated)?;
        // A marker may have any number of 0xff before it.
        let fill = bytes[at..].iter().position(|byte| *byte != 0xff);
        at += fill.ok_or(Damage::Truncated)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            // A stuffed 0xff, a marker without a segment, and SOI of a file that begins twice.
            0x00 | 0x01 | 0xd0..=0xd8 => continue,
            0xd9 if has_frame && has_scan => return Ok(()),
            0xd9 => return Err(Damage::Broken("it has no picture data")),
            // SOF0 to SOF15; DHT, JPG and DAC stand between them.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => has_frame = true,
            0xda => has_scan = true,
            _ => {}
        }
        let length = bytes.get(at..at + 2).ok_or(Damage::Truncated)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length < 2 {
            return Err(Damage::Broken("a segment has no length"));
        }
        at += length;
    }
}

/// GIF89a §18 to §27: blocks to the trailer. A file that ends cleanly after a picture is whole as well; many have no
/// trailer.
pub fn gif(bytes: &[u8]) -> Result<(), Damage> {
    fn table(flags: u8) -> usize {
        if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
    }
    /// Where the sub-blocks that begin at `at` end.
    fn past_blocks(bytes: &[u8], mut at: usize) -> Result<usize, Damage> {
        loop {
            let length = usize::from(*bytes.get(at).ok_or(Damage::Truncated)?);
            at += 1 + length;
            if length == 0 {
                return Ok(at);
            }
        }
    }
    let flags = *bytes.get(10).ok_or(Damage::Truncated)?;
    let (mut at, mut has_picture) = (13 + table(flags), false);
    loop {
        match bytes.get(at) {
            None if has_picture => return Ok(()),
            None => return Err(Damage::Truncated),
            Some(0x21) => at = past_blocks(bytes, at + 2)?,
            Some(0x2c) => {
                let flags = *bytes.get(at + 9).ok_or(Damage::Truncated)?;
                at = past_blocks(bytes, at + 10 + table(flags) + 1)?;
                has_picture = true;
            }
            Some(_) if has_picture => return Ok(()),
            Some(0x3b) => return Err(Damage::Broken("it has no picture data")),
            Some(_) => return Err(Damage::Broken("a block is of no known kind")),
        }
    }
}

/// RFC 9649 §2.3: RIFF chunks, as many bytes as the file's header says.
pub fn webp(bytes: &[u8]) -> Result<(), Damage> {
    let size = le_u32(bytes, 4).ok_or(Damage::Truncated)?;
    let end = size.checked_add(8).ok_or(Damage::Truncated)?;
    // Some writers count the last chunk's padding and leave it out.
    if end > bytes.len() + 1 {
        return Err(Damage::Truncated);
    }
    let (mut at, mut has_picture) = (12, false);
    while at + 8 <= end {
        let length = le_u32(bytes, at + 4).ok_or(Damage::Truncated)?;
        let ends = length.checked_add(8).and_then(|length| at.checked_add(length));
        let ends = ends.ok_or(Damage::Truncated)?;
        if ends > end {
            return Err(Damage::Broken("a part is longer than the file says it is"));
        }
        if ends > bytes.len() {
            return Err(Damage::Truncated);
        }
        has_picture |= matches!(bytes.get(at..at + 4), Some(b"VP8 " | b"VP8L" | b"ANMF"));
        at = ends + length % 2;
    }
    if has_picture {
        Ok(())
    } else {
        Err(Damage::Broken("it has no picture data"))
    }
}
