//! Pictures as files: which format one is, whether the file is whole, and how large the picture is.
//!
//! Only containers are walked here, and checksums compared: nothing is unpacked, so the work grows with the file and not
//! with what it claims to hold. [`decodes`] unpacks a PNG as well, a row at a time and within a budget.

mod walk;

use crate::Invalid;

/// A picture has at most so many pixels: no camera makes more, and no browser shows them.
pub const MAX_PIXELS: u64 = 1 << 28;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    Png,
    Jpeg,
    Gif,
    Webp,
}

impl PictureFormat {
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
        }
    }

    /// The format by the first bytes. A PNG whose line ends were converted on the way is still known as one, so that
    /// it can be said what happened to it.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG") {
            return Some(Self::Png);
        }
        // SOI, and the first marker after it.
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            return Some(Self::Jpeg);
        }
        if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            return Some(Self::Gif);
        }
        let is_webp = bytes.len() >= 12 && bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WEBP";
        is_webp.then_some(Self::Webp)
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends before it is complete.
    Truncated,
    /// Why it can't be read.
    Broken(&'static str),
}

impl Damage {
    /// As the field error of a file that is a `format`.
    pub fn explain(self, format: &str) -> Invalid {
        match self {
            Self::Truncated => Invalid::new(
                "TRUNCATED",
                format!("is a truncated {format}: its end is missing; send the whole file"),
            ),
            Self::Broken(why) => Invalid::new("DAMAGED", format!("is a damaged {format}: {why}")),
        }
    }
}

/// A picture whose file is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    pub format: PictureFormat,
    pub width: u32,
    pub height: u32,
}

impl Picture {
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Whether the file is whole: every part is there to its end, in order, and the checksums of a PNG agree.
/// What stands after the end is not looked at; cameras and telephones append to their files.
pub fn check(format: PictureFormat, bytes: &[u8]) -> Result<Picture, Damage> {
    match format {
        PictureFormat::Png => walk::png(bytes)?,
        PictureFormat::Jpeg => walk::jpeg(bytes)?,
        PictureFormat::Gif => walk::gif(bytes)?,
        PictureFormat::Webp => walk::webp(bytes)?,
    }
    let size = imagesize::blob_size(bytes).map_err(|_| Damage::Broken("its header can't be read"))?;
    let side = |length: usize| u32::try_from(length).ok().filter(|length| *length > 0);
    match (side(size.width), side(size.height)) {
        (Some(width), Some(height)) => Ok(Picture { format, width, height }),
        _ => Err(Damage::Broken("it has no pixels")),
    }
}

/// Whether a PNG unpacks to as many rows as it says. `None` where that would be more than `budget` bytes, and for
/// other formats, whose data have no form that could be wrong.
pub fn decodes(format: PictureFormat, bytes: &[u8], budget: u64) -> Option<bool> {
    if format != PictureFormat::Png {
        return None;
    }
    let limits = png::Limits { bytes: 16 << 20 };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    let Ok(mut reader) = decoder.read_info() else {
        return Some(false);
    };
    if unpacked_size(&reader).is_none_or(|size| size > budget) {
        return None;
    }
    loop {
        match reader.next_row() {
            Ok(Some(_)) => {}
            Ok(None) => return Some(true),
            Err(_) => return Some(false),
        }
    }
}

fn unpacked_size(reader: &png::Reader<std::io::Cursor<&[u8]>>) -> Option<u64> {
    u64::try_from(reader.output_buffer_size()?).ok()
}

#[cfg(test)]
mod tests;
