/// The release that this program is.
enum CourantVersion {
    static let current = "0.1.0"
}
