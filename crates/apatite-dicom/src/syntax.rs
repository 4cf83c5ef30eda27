/*!
Transfer syntaxes (PS3.5 section 10) as far as reading needs to tell them apart.
*/

use crate::dataset::{EXPLICIT_BIG, EXPLICIT_LITTLE, Encoding, IMPLICIT_LITTLE};

/// How pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Native {
        big_endian: bool,
    },
    /// Fragments that hold native pixels (1.2.840.10008.1.2.1.98).
    EncapsulatedNative,
    /// Each frame deflated (1.2.840.10008.1.2.8.1).
    DeflatedFrames,
    Rle,
    JpegBaseline,
    JpegExtended,
    JpegLossless,
    JpegLs,
    Jpeg2000,
    Unsupported,
}

/// A transfer syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) uid: String,
    pub(crate) encoding: Encoding,
    pub(crate) codec: Codec,
    /// The whole data set is deflated.
    pub(crate) deflated: bool,
    /// Name of the compression where it may lose information.
    pub(crate) lossy: Option<&'static str>,
}

impl Syntax {
    pub(crate) fn of(uid: &str) -> Self {
        let mut syntax = Self {
            uid: uid.to_owned(),
            encoding: EXPLICIT_LITTLE,
            codec: Codec::Native { big_endian: false },
            deflated: false,
            lossy: None,
        };
        match uid {
            "1.2.840.10008.1.2" => syntax.encoding = IMPLICIT_LITTLE,
            "1.2.840.10008.1.2.1" => {}
            "1.2.840.10008.1.2.1.98" => syntax.codec = Codec::EncapsulatedNative,
            "1.2.840.10008.1.2.1.99" => syntax.deflated = true,
            "1.2.840.10008.1.2.2" => {
                syntax.encoding = EXPLICIT_BIG;
                syntax.codec = Codec::Native { big_endian: true };
            }
            "1.2.840.10008.1.2.8.1" => syntax.codec = Codec::DeflatedFrames,
            "1.2.840.10008.1.2.5" => syntax.codec = Codec::Rle,
            "1.2.840.10008.1.2.4.50" => {
                syntax.codec = Codec::JpegBaseline;
                syntax.lossy = Some("JPEG baseline, 8 bit");
            }
            "1.2.840.10008.1.2.4.51" => {
                syntax.codec = Codec::JpegExtended;
                syntax.lossy = Some("JPEG extended, 8 or 12 bit");
            }
            "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => syntax.codec = Codec::JpegLossless,
            "1.2.840.10008.1.2.4.80" => syntax.codec = Codec::JpegLs,
            "1.2.840.10008.1.2.4.81" => {
                syntax.codec = Codec::JpegLs;
                syntax.lossy = Some("JPEG-LS near-lossless");
            }
            "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.201" | "1.2.840.10008.1.2.4.202" => {
                syntax.codec = Codec::Jpeg2000;
            }
            "1.2.840.10008.1.2.4.91" => {
                syntax.codec = Codec::Jpeg2000;
                syntax.lossy = Some("JPEG 2000");
            }
            "1.2.840.10008.1.2.4.203" => {
                syntax.codec = Codec::Jpeg2000;
                syntax.lossy = Some("HTJ2K");
            }
            _ => syntax.codec = Codec::Unsupported,
        }
        syntax
    }

    /// Why pixels of this syntax cannot be read, in words that help.
    pub(crate) fn refusal(&self) -> String {
        let name = match self.uid.as_str() {
            "1.2.840.10008.1.2.4.53" | "1.2.840.10008.1.2.4.55" => {
                "JPEG spectral selection or progressive, retired"
            }
            uid if uid.starts_with("1.2.840.10008.1.2.4.11") => "JPEG XL",
            uid if uid.starts_with("1.2.840.10008.1.2.4.10") => "MPEG or HEVC video",
            "1.2.840.10008.1.2.4.92" | "1.2.840.10008.1.2.4.93" => "JPEG 2000 Part 2 multi-component",
            "1.2.840.10008.1.2.4.94" | "1.2.840.10008.1.2.4.95" => "JPIP, whose pixels lie on a server",
            _ => "unknown",
        };
        format!(
            "transfer syntax {} ({name}) is not supported; convert the file to a lossless one, for instance with dcmconv or gdcmconv",
            self.uid
        )
    }
}
