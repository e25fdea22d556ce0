use super::*;

const PNG: &[u8] = include_bytes!("../../fixtures/whole.png");
const PALETTE: &[u8] = include_bytes!("../../fixtures/palette.png");
const JPEG: &[u8] = include_bytes!("../../fixtures/whole.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("../../fixtures/progressive.jpg");
const GIF: &[u8] = include_bytes!("../../fixtures/whole.gif");
const WEBP: &[u8] = include_bytes!("../../fixtures/whole.webp");
const MOVING: &[u8] = include_bytes!("../../fixtures/moving.webp");

const ALL: [&[u8]; 7] = [PNG, PALETTE, JPEG, PROGRESSIVE, GIF, WEBP, MOVING];

fn look(bytes: &[u8]) -> Result<Picture, Damage> {
    check(PictureFormat::sniff(bytes).unwrap(), bytes)
}

fn broken(bytes: &[u8]) -> &'static str {
    match look(bytes) {
        Err(Damage::Broken(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// The file with one chunk of a PNG taken out.
fn without(png: &[u8], name: &[u8; 4]) -> Vec<u8> {
    let at = png.windows(4).position(|window| window == name).unwrap() - 4;
    let length = usize::try_from(u32::from_be_bytes(png[at..at + 4].try_into().unwrap())).unwrap();
    [&png[..at], &png[at + 12 + length..]].concat()
}

#[test]
fn a_whole_picture_has_its_size_whatever_is_appended() {
    for file in ALL {
        for appended in [&b""[..], b"\0\0\0", b"camera notes", b"\xff\xd8\xff\xe0 another"] {
            let picture = look(&[file, appended].concat()).unwrap();
            assert_eq!((picture.width, picture.height), (30, 20), "{:?}", picture.format);
            assert_eq!(picture.pixels(), 600);
        }
    }
}

#[test]
fn a_picture_is_truncated_wherever_it_is_cut() {
    for file in ALL {
        let format = PictureFormat::sniff(file).unwrap();
        // The last byte of a GIF is its trailer, and of a WebP it may be padding: both may be missing.
        let spare = match format {
            PictureFormat::Gif | PictureFormat::Webp => 1,
            _ => 0,
        };
        for kept in 16..file.len() - spare {
            assert_eq!(
                check(format, &file[..kept]),
                Err(Damage::Truncated),
                "{format:?} {kept}"
            );
        }
    }
    assert!(look(&GIF[..GIF.len() - 1]).is_ok());
}

#[test]
fn a_damaged_png_is_told_by_what_happened_to_it() {
    let mut flipped = PNG.to_vec();
    let data = PNG.windows(4).position(|window| window == b"IDAT").unwrap();
    flipped[data + 10] ^= 1;
    assert_eq!(broken(&flipped), "a checksum (CRC) is wrong");
    assert_eq!(broken(&without(PALETTE, b"PLTE")), "its palette is missing");
    assert_eq!(broken(&without(PNG, b"IDAT")), "it has no picture data");
    let text = "its line ends were converted on the way, as in a text";
    let mut as_unix = PNG.to_vec();
    as_unix.remove(4);
    assert_eq!(broken(&as_unix), text);
    let as_dos: Vec<u8> = PNG
        .iter()
        .flat_map(|byte| {
            if *byte == b'\n' {
                vec![b'\r', b'\n']
            } else {
                vec![*byte]
            }
        })
        .collect();
    assert_eq!(broken(&as_dos), text);
}

#[test]
fn containers_that_lie_about_their_length_are_refused() {
    let mut short = WEBP.to_vec();
    short[4] -= 8;
    assert_eq!(broken(&short), "a part is longer than the file says it is");
    assert_eq!(broken(b"\xff\xd8\xff\xe0\0\x02\xff\xd9"), "it has no picture data");
    assert_eq!(broken(b"GIF89a\x01\0\x01\0\0\0\0;"), "it has no picture data");
}

#[test]
fn a_png_is_unpacked_within_a_budget() {
    assert_eq!(decodes(PictureFormat::Png, PNG, 1 << 20), Some(true));
    assert_eq!(decodes(PictureFormat::Png, PALETTE, 1 << 20), Some(true));
    assert_eq!(decodes(PictureFormat::Png, PNG, 600), None, "three bytes a pixel");
    assert_eq!(decodes(PictureFormat::Jpeg, JPEG, 1 << 20), None);
    // The checksums are right and the data are none.
    let at = PNG.windows(4).position(|window| window == b"IDAT").unwrap();
    let mut forged = without(PNG, b"IDAT");
    let mut chunk = b"IDATnothing that unpacks".to_vec();
    chunk.extend(crc32fast::hash(&chunk).to_be_bytes());
    let length = u32::try_from(chunk.len() - 8).unwrap().to_be_bytes();
    let chunk: Vec<u8> = length.into_iter().chain(chunk).collect();
    forged.splice(at - 4..at - 4, chunk);
    assert!(look(&forged).is_ok());
    assert_eq!(decodes(PictureFormat::Png, &forged, 1 << 20), Some(false));
}
