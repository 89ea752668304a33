package import CloudHTTP

/// A connection string: an account, where it is, and what authorizes requests to it.
package struct AzureConnectionString: Sendable, Hashable {
    package static let form =
        "a connection string with AccountName and AccountKey, or BlobEndpoint and SharedAccessSignature"

    /// The account that emulators have, with the key that is published for them.
    private static let development =
        "AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
        + "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    package let account: String
    package let endpoint: CloudEndpoint
    package let authorization: AzureAuthorization

    /// Nil if the text is not of that form.
    package init?(_ text: String) {
        var parts = Self.parts(text)
        if parts["usedevelopmentstorage"] == "true" { parts = Self.parts(Self.development) }
        if let key = parts["accountkey"] {
            guard let key = AzureAuthorization.sharedKey(base64: key) else { return nil }
            authorization = key
        } else {
            guard let found = parts["sharedaccesssignature"].flatMap(AzureAuthorization.signature(text:)) else {
                return nil
            }
            authorization = found
        }
        if let url = parts["blobendpoint"] {
            guard let found = CloudEndpoint(url) else { return nil }
            endpoint = found
            account = parts["accountname"] ?? AzureConfiguration.account(of: found)
        } else {
            guard let name = parts["accountname"], AzureConfiguration.isAccount(name, atEndpoint: false) else {
                return nil
            }
            let host = "\(name).blob.\(parts["endpointsuffix"] ?? AzureConfiguration.publicSuffix)"
            account = name
            endpoint = CloudEndpoint(scheme: parts["defaultendpointsprotocol"] ?? "https", host: host)
        }
    }

    private static func parts(_ text: String) -> [String: String] {
        let pairs = text.split(separator: ";").compactMap { part -> (String, String)? in
            guard let equals = part.firstIndex(of: "=") else { return nil }
            return (part[..<equals].trimmed.lowercased(), part[part.index(after: equals)...].trimmed)
        }
        return Dictionary(pairs) { $1 }
    }
}
