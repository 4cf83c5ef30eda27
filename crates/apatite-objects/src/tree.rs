/*! Content items of structured reports (PS3.3 C.17.3). */

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::code::{Code, short};
use crate::head::{put, put_items, put_short};
use crate::text::decimal;

/// How an item belongs to the one above it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Relation {
    Contains,
    Context,
    Modifier,
    Properties,
}

impl Relation {
    fn term(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::Context => "HAS OBS CONTEXT",
            Self::Modifier => "HAS CONCEPT MOD",
            Self::Properties => "HAS PROPERTIES",
        }
    }
}

/// A content item with what stands below it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    object: InMemDicomObject,
    below: Vec<InMemDicomObject>,
}

impl Item {
    fn new(relation: Relation, kind: &str, name: &Code) -> Self {
        let mut object = InMemDicomObject::new_empty();
        put(&mut object, tags::RELATIONSHIP_TYPE, VR::CS, relation.term());
        put(&mut object, tags::VALUE_TYPE, VR::CS, kind);
        put_items(&mut object, tags::CONCEPT_NAME_CODE_SEQUENCE, vec![short(name).item()]);
        Self { object, below: Vec::new() }
    }

    pub(crate) fn container(name: &Code, template: Option<&str>) -> Self {
        let mut item = Self::new(Relation::Contains, "CONTAINER", name);
        put(&mut item.object, tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
        if let Some(template) = template {
            let mut identification = InMemDicomObject::new_empty();
            put(&mut identification, tags::MAPPING_RESOURCE, VR::CS, "DCMR");
            put(&mut identification, tags::TEMPLATE_IDENTIFIER, VR::CS, template);
            put_items(&mut item.object, tags::CONTENT_TEMPLATE_SEQUENCE, vec![identification]);
        }
        item
    }

    pub(crate) fn text(relation: Relation, name: &Code, text: &str) -> Self {
        let mut item = Self::new(relation, "TEXT", name);
        put(&mut item.object, tags::TEXT_VALUE, VR::UT, text);
        item
    }

    pub(crate) fn code(relation: Relation, name: &Code, value: &Code) -> Self {
        let mut item = Self::new(relation, "CODE", name);
        put_items(&mut item.object, tags::CONCEPT_CODE_SEQUENCE, vec![value.item()]);
        item
    }

    pub(crate) fn uid(relation: Relation, name: &Code, uid: &str) -> Self {
        let mut item = Self::new(relation, "UIDREF", name);
        put(&mut item.object, tags::UID, VR::UI, uid);
        item
    }

    /// A number with its unit of UCUM. What 16 characters cannot hold exactly stands beside them in binary.
    pub(crate) fn number(name: &Code, value: f64, unit: &str) -> Self {
        let mut item = Self::new(Relation::Contains, "NUM", name);
        let mut measured = InMemDicomObject::new_empty();
        let text = decimal(value);
        put(&mut measured, tags::NUMERIC_VALUE, VR::DS, &text);
        if text.parse() != Ok(value) {
            measured.put(DataElement::new(tags::FLOATING_POINT_VALUE, VR::FD, PrimitiveValue::from(value)));
        }
        put_items(&mut measured, tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![Code::unit(unit).item()]);
        put_items(&mut item.object, tags::MEASURED_VALUE_SEQUENCE, vec![measured]);
        item
    }

    pub(crate) fn image(relation: Relation, name: &Code, reference: InMemDicomObject) -> Self {
        let mut item = Self::new(relation, "IMAGE", name);
        put_items(&mut item.object, tags::REFERENCED_SOP_SEQUENCE, vec![reference]);
        item
    }

    /// An image without a name, as the image library lists them.
    pub(crate) fn nameless_image(reference: InMemDicomObject) -> Self {
        let mut item = Self::image(Relation::Contains, &Code::dcm("", ""), reference);
        item.object.remove_element(tags::CONCEPT_NAME_CODE_SEQUENCE);
        item
    }

    pub(crate) fn with(mut self, item: Item) -> Self {
        self.below.push(item.finish());
        self
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.below.push(item.finish());
    }

    pub(crate) fn finish(mut self) -> InMemDicomObject {
        if !self.below.is_empty() {
            put_items(&mut self.object, tags::CONTENT_SEQUENCE, self.below);
        }
        self.object
    }

    /// Puts the item into an object as the root of its tree.
    pub(crate) fn root(self, object: &mut InMemDicomObject) {
        let mut root = self.finish();
        root.remove_element(tags::RELATIONSHIP_TYPE);
        for element in root {
            object.put(element);
        }
    }
}

/// A reference to a segment of a segmentation.
pub(crate) fn segment_reference(class_uid: &str, instance_uid: &str, segment: u16) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    put(&mut item, tags::REFERENCED_SOP_CLASS_UID, VR::UI, class_uid);
    put(&mut item, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance_uid);
    put_short(&mut item, tags::REFERENCED_SEGMENT_NUMBER, segment);
    item
}
