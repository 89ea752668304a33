package import CloudHTTP

/// Where credentials are looked for.
package enum AWSCredentialSettings: Sendable, Hashable {
    /// Environment, web identity, profile, container, instance: the first that there is.
    case chain
    case fixed(AWSCredentials)
    case environment
    /// A profile of the shared files; nil: `AWS_PROFILE`, or `default`; `AWS_SHARED_CREDENTIALS_FILE`, or
    /// `~/.aws/credentials`.
    case profile(name: String?, file: String?)
    /// A role for whom a token in a file vouches; nil: `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`.
    case webIdentity(role: String?, tokenFile: String?)
    case container
    case instance
}

/// A role that the credentials found are exchanged for.
package struct AWSRole: Sendable, Hashable {
    package var arn: String
    package var externalID: String?
    package var sessionName: String
    package var duration: Duration

    package init(
        arn: String,
        externalID: String? = nil,
        sessionName: String = "courant",
        duration: Duration = .seconds(3_600)
    ) {
        self.arn = arn
        self.externalID = externalID
        self.sessionName = sessionName
        self.duration = duration
    }
}
