/// A channel or an action that a type is filed under.
public struct Tag: Hashable, Sendable {
    /// The tag as it is shown, such as `In-App Messages`.
    public let title: String

    init(title: String) {
        self.title = title
    }

    /// The tag as configuration and filters write it, such as `in-app-messages`.
    public var slug: String { Tag.slug(of: title) }

    /// Lower case, with hyphens for blanks.
    static func slug(of title: String) -> String {
        String(title.lowercased().map { $0 == " " ? "-" : $0 })
    }

    /// What is left when letter case, blanks and hyphens are taken away, so that a tag is found however it is
    /// written: `In-App Messages`, `in-app-messages`, `inapp messages`.
    static func key(of text: String) -> [UInt8] {
        text.lowercased().utf8.filter { $0 != 0x20 && $0 != 0x2D && $0 != 0x5F }
    }
}
