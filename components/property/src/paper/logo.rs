//! A company's logo: whether it can be put on paper, judged by decoding it before it is.

use std::io::Cursor;

use krilla::image::Image;
use nexus_domain::Invalid;
use nexus_domain::picture::{self, Damage, PictureFormat};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;

/// More than any printer shows of it; decoded, it takes 32 MiB at most.
const MAX_PIXELS: u64 = 8_000_000;
const MAX_DECODED: u64 = 4 * MAX_PIXELS;

/// The logo, ready to be drawn. Printing it can't fail any more: it was decoded.
pub fn read(content: &[u8]) -> Result<Image, Invalid> {
    let format = PictureFormat::sniff(content)
        .filter(|format| matches!(format, PictureFormat::Png | PictureFormat::Jpeg))
        .ok_or_else(|| Invalid::new("WRONG_TYPE", "must be a PNG or JPEG image"))?;
    let damaged = |why| Damage::Broken(why).explain(format.name());
    let found = picture::check(format, content).map_err(|damage| damage.explain(format.name()))?;
    let too_large = || {
        let message = format!(
            "must have at most {MAX_PIXELS} pixels, such as 4000 × 2000; this one has {} × {}",
            found.width, found.height
        );
        Invalid::new("TOO_MANY_PIXELS", message)
    };
    if found.pixels() > MAX_PIXELS {
        return Err(too_large());
    }
    let image = match format {
        PictureFormat::Jpeg => {
            decode_jpeg(content).ok_or_else(|| damaged("it can't be decoded"))?;
            Image::from_jpeg(content.to_vec().into(), true)
        }
        _ => {
            match picture::decodes(format, content, MAX_DECODED) {
                Some(true) => {}
                Some(false) => return Err(damaged("it can't be decoded")),
                None => return Err(too_large()),
            }
            Image::from_png(content.to_vec().into(), true)
        }
    };
    image.map_err(|_| damaged("it can't be drawn"))
}

/// A document takes a JPEG as it is, so only whether a reader can decode it counts.
fn decode_jpeg(content: &[u8]) -> Option<()> {
    let mut decoder = JpegDecoder::new(Cursor::new(content));
    decoder.decode_headers().ok()?;
    match decoder.input_colorspace()? {
        // For print. The decoder turns into RGB only.
        ColorSpace::CMYK | ColorSpace::YCCK => Some(()),
        _ => decoder.decode().ok().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = include_bytes!("../../../../crates/domain/fixtures/whole.png");
    const PALETTE: &[u8] = include_bytes!("../../../../crates/domain/fixtures/palette.png");
    const JPEG: &[u8] = include_bytes!("../../../../crates/domain/fixtures/whole.jpg");
    const PROGRESSIVE: &[u8] = include_bytes!("../../../../crates/domain/fixtures/progressive.jpg");
    const WEBP: &[u8] = include_bytes!("../../../../crates/domain/fixtures/whole.webp");

    fn refused(content: &[u8]) -> &'static str {
        read(content).map(drop).unwrap_err().code
    }

    #[test]
    fn pictures_that_decode_are_taken() {
        for content in [PNG, PALETTE, JPEG, PROGRESSIVE] {
            assert_eq!(read(content).unwrap().size(), (30, 20));
        }
    }

    #[test]
    fn pictures_that_do_not_decode_are_refused() {
        assert_eq!(refused(&PNG[..PNG.len() - 12]), "TRUNCATED");
        assert_eq!(refused(&JPEG[..JPEG.len() - 2]), "TRUNCATED");
        let mut wrong = PNG.to_vec();
        wrong[PNG.len() - 20] ^= 1;
        assert_eq!(refused(&wrong), "DAMAGED");
        assert_eq!(refused(WEBP), "WRONG_TYPE");
        assert_eq!(refused(b"<svg/>"), "WRONG_TYPE");
        // The segments are there to the end, and the tables that the data need are a comment.
        let mut without = JPEG.to_vec();
        for at in 0..JPEG.len() - 1 {
            if JPEG[at..].starts_with(b"\xff\xc4") {
                without[at + 1] = 0xfe;
            }
        }
        assert_eq!(refused(&without), "DAMAGED");
    }
}
