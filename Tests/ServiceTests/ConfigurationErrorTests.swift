import Glossary
import Testing

@testable import Service

/// Each file has its mistake in the line that the message names; messages are part of what is promised.
@Suite struct ConfigurationErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let yaml: String
        let message: String

        var testDescription: String { message }

        init(_ yaml: String, _ message: String) {
            self.yaml = yaml
            self.message = message
        }
    }

    static let cases: [Case] = [
        Case("dta: x", "c.yaml:1: dta: is not a key of the configuration; did you mean data?"),
        Case(
            "shutdown:\n  grace: 5s",
            "c.yaml:2: shutdown.grace: is not a key of shutdown; expected timeout"
        ),
        Case(
            "journal: {partitions: many}",
            "c.yaml:1: journal.partitions: expected a whole number from 1 to 256, found a text"
        ),
        Case(
            "\njournal:\n  partitions: 0",
            "c.yaml:3: journal.partitions: expected a whole number from 1 to 256, found a text"
        ),
        Case(
            "journal: {keep: 7}",
            "c.yaml:1: journal.keep: expected a duration up to 3650d such as 7d, found a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: local, path: x}\n    privacy:\n      fields:\n"
                + "        emailaddress: drop",
            "c.yaml:6: connectors.a.privacy.fields.emailaddress: is not a field of edition 2021; near names are "
                + "email_address, altitude, latitude"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: local, path: x}\n    privacy: {pii: hide}",
            "c.yaml:4: connectors.a.privacy.pii: expected one of keep, drop, redact, sha256, hmac_sha256, found a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: local, path: x}\n    events: [users.messages.*]\n"
                + "    privacy: {pii: hmac_sha256}",
            "c.yaml:5: connectors.a.privacy.hmac_key: is missing; hmac_sha256 needs a secret"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: local, path: x}\n    events: [users.messages.*]\n"
                + "    privacy: {pii: hmac_sha256, hmac_key: short}",
            "c.yaml:5: connectors.a.privacy.hmac_key: expected at least 16 bytes of a secret, such as ${PRIVACY_KEY}, "
                + "found a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: local, path: x}\n    events: [users.behaviors.Location]\n"
                + "    privacy: {pii: drop, fields: {longitude: keep}}",
            "c.yaml:5: connectors.a.privacy.fields: users.behaviors.Location: latitude is a required float, which "
                + "cannot be left out or replaced; keep it, or do not carry the event type"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: local, path: x}\n    events: [courant.DeadLetter]\n"
                + "    privacy: {pii: drop}",
            "c.yaml:5: connectors.a.privacy.pii: courant.DeadLetter holds raw bytes, which privacy rules do not reach; "
                + "carry it by a connector of its own"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: http}",
            "c.yaml:3: connectors.a.destination.url: is missing; expected an address such as "
                + "https://partner.example.com/events"
        ),
        Case(
            "connectors:\n  a:\n    destination:\n      type: http\n      url: https://p.example/in\n"
                + "      headers: {Host: other}",
            "c.yaml:6: connectors.a.destination.headers.Host: is a header that Courant sets itself"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: http, url: https://p.example, signing_secret: abc}",
            "c.yaml:3: connectors.a.destination.signing_secret: expected whsec_ and 24 to 64 bytes in Base64, best as "
                + "${NAME}, found a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: http, url: https://p.example, token: two words}",
            "c.yaml:3: connectors.a.destination.token: expected a bearer token on one line, best as ${NAME}, found "
                + "a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: http, url: \"https://p.example/in out\"}",
            "c.yaml:3: connectors.a.destination.url: expected an address such as https://partner.example.com/events, "
                + "found a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: http, url: https://p.example, batch: 101}",
            "c.yaml:3: connectors.a.destination.batch: expected a whole number from 1 to 100, found a text"
        ),
        Case(
            "connectors:\n  a:\n    destination: {type: http, url: https://p.example}\n    roll: {every: 5s}",
            "c.yaml:4: connectors.a.roll: is about files, which a connector to http does not have"
        ),
        Case("journal: [1]", "c.yaml:1: journal: expected keys, found a list"),
        Case("data: [a]", "c.yaml:1: data: expected a folder, found a list"),
        Case("- a", "c.yaml:1: expected keys such as data and sources, found a list"),
        Case("data: x\ndata: y", "c.yaml:2: the same key stands here and in line 1: data"),
        Case(
            "data: 'x",
            "c.yaml:1: is not YAML at column 9: while scanning a quoted text that begins in line 1, column 7, "
                + "found unexpected end of stream"
        ),
        Case(
            "listen: 8080",
            "c.yaml:1: listen: expected HOST:PORT such as 127.0.0.1:8080, found a text"
        ),
        Case(
            "publicURL: events.example.com",
            "c.yaml:1: publicURL: expected an address such as https://events.example.com, found a text"
        ),
        Case(
            "publicURL: https://u:p4ss@events.example.com/a@b",
            "c.yaml:1: publicURL: expected an address such as https://events.example.com, found a text"
        ),
        Case(
            "trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.0/33",
            "c.yaml:3: trusted_proxies[1]: expected an address or range such as 10.0.0.0/8, found a text"
        ),
        Case(
            "tls: {certificate: /etc/hostname}",
            "c.yaml:1: tls.key: is missing; expected a PEM file of the private key"
        ),
        Case(
            "tls:\n  certificate: /etc/hostname\n  key: nowhere.pem",
            "c.yaml:3: tls.key: there is no such file that can be read; relative paths begin at the configuration's folder"
        ),
        Case(
            "journal: {segment: 8MiB}\nintake:\n  event_bytes_max: 5MiB",
            "c.yaml:3: intake.event_bytes_max: expected at most 4128768 bytes, what half a segment (journal.segment) "
                + "holds as one record"
        ),
        Case(
            "log: {level: loud}",
            "c.yaml:1: log.level: expected one of trace, debug, info, notice, warning, error, critical, found a text"
        ),
        Case(
            "log: {format: jsn}",
            "c.yaml:1: log.format: expected one of text, json, found a text; did you mean json?"
        ),
        Case(
            "disk: {budget: 1KB}",
            "c.yaml:1: disk.budget: expected a size such as 50GiB (at least 268435456 bytes), found a text"
        ),
        Case(
            "intake: {body_bytes_max: 32MiB, in_flight_bytes_max: 16MiB}",
            "c.yaml:1: intake.in_flight_bytes_max: expected at least body_bytes_max (33554432): one whole body must fit"
        ),
        Case(
            "intake:\n  body_bytes_max: 1KiB",
            "c.yaml:2: intake.body_bytes_max: expected at least event_bytes_max (900000): one whole event must fit"
        ),
        Case(
            "\nsources: {}",
            "c.yaml:2: sources: expected a source; without this key there is one, default"
        ),
        Case(
            "data: ${NOWHERE}",
            "c.yaml:1: data: expected the environment variable NOWHERE, found none; set it, or write $${ for ${ itself"
        ),
        Case("data: ${partner_token}", "c.yaml:1: data: \(oddVariable)"),
        Case("data: ${A-B}", "c.yaml:1: data: \(oddVariable)"),
        Case("data: \"${DATA:-./d}\"", "c.yaml:1: data: \(oddVariable)"),
        Case("data: ${SECRET", "c.yaml:1: data: expected } after ${; write $${ for ${ itself"),
        Case(
            "journal: {keep: \"${SECRET}\"}",
            "c.yaml:1: journal.keep: expected a duration up to 3650d such as 7d, found a text"
        ),
        Case(
            "sources:\n  Web: {}",
            "c.yaml:2: sources.Web: expected a lower-case letter or digit, then up to 62 of those, - and _ as the name of a source"
        ),
        Case(
            "sources:\n  web: {edition: 2022}",
            "c.yaml:2: sources.web.edition: expected one of 2021, v10, found a text; did you mean 2021?"
        ),
        Case(
            "sources: {web: {strict: yes please}}",
            "c.yaml:1: sources.web.strict: expected true or false, found a text"
        ),
        Case(
            "sources: {web: {formats: [events, current]}}",
            "c.yaml:1: sources.web.formats[1]: expected one of events, currents, found a text; did you mean currents?"
        ),
        Case(
            "sources: {web: {unknown_fields: drop}}",
            "c.yaml:1: sources.web.unknown_fields: expected one of leave_out, reject, found a text"
        ),
        Case(
            "connectors:\n  lake:\n    roll: {every: 60s}",
            "c.yaml:2: connectors.lake.destination: is missing; expected {type: …} and its keys"
        ),
        Case(
            connector("roll: {every: soon}"),
            "c.yaml:4: connectors.lake.roll.every: expected a duration from 1s to 1d such as 60s, found a text"
        ),
        Case(
            connector("rol: {every: 60s}"),
            "c.yaml:4: connectors.lake.rol: is not a key of connectors.lake; did you mean roll?"
        ),
        Case(
            "connectors:\n  lake:\n    destination: {type: loca, path: x}",
            "c.yaml:3: connectors.lake.destination.type: expected one of local, s3, gcs, azure, kafka, http, found a text; "
                + "did you mean local?"
        ),
        Case(
            "connectors:\n  lake:\n    destination: {type: local}",
            "c.yaml:3: connectors.lake.destination.path: is missing; expected a folder"
        ),
        Case(
            connector("events: [users.messages.emial.Clck]"),
            "c.yaml:4: connectors.lake.events[0]: matches no event type of edition 2021; "
                + "near names are users.messages.email.Click, users.messages.email.Open, users.messages.email.Send"
        ),
        Case(
            connector("events: [users.messages.emial.Click]\n    privacy: {fields: {email_address: drop}}"),
            "c.yaml:4: connectors.lake.events[0]: matches no event type of edition 2021; "
                + "near names are users.messages.email.Click, users.messages.email.Bounce, users.messages.email.Open"
        ),
        Case(
            connector("events: [\"courant.*\"]"),
            "c.yaml:4: connectors.lake.events[0]: is no system type; expected courant.DeadLetter, named in full"
        ),
        Case(
            connector("codec: {name: snappy, level: 3}"),
            "c.yaml:4: connectors.lake.codec.level: is not a key of snappy, which has no levels"
        ),
        Case(
            connector("codec: {name: zstandard, level: 99}"),
            "c.yaml:4: connectors.lake.codec.level: expected a whole number from 1 to 19, found a text"
        ),
        Case(
            connector("codec: zstd"),
            "c.yaml:4: connectors.lake.codec: expected one of null, deflate, snappy, zstandard, found a text"
        ),
        Case(
            connector("id: abc"),
            "c.yaml:4: connectors.lake.id: expected 24 lower-case hexadecimal digits, found a text"
        ),
        Case(
            connector("key: {parts: [root, date]}"),
            "c.yaml:4: connectors.lake.key.parts: expected type among the parts: a file holds one event type and its folder must tell"
        ),
        Case(
            connector("key: {prefix: /raw}"),
            "c.yaml:4: connectors.lake.key.prefix: expected folders divided by single slashes, such as raw/courant, "
                + "each of 1 to 128 letters, digits and . _ - =, no dot first, found a text"
        ),
        Case(
            connector("start: yesterday"),
            "c.yaml:4: connectors.lake.start: expected one of now, oldest, found a text"
        ),
        Case(
            s3("bucket: Lake"),
            "c.yaml:3: connectors.lake.destination.bucket: expected the bucket's name, 3 to 63 lower-case letters, digits, . and -"
        ),
        Case(
            "connectors:\n  lake:\n    destination: {type: s3, bucket: lake}",
            "c.yaml:3: connectors.lake.destination.region: is missing; expected a region such as eu-central-1, here or in AWS_REGION"
        ),
        Case(
            s3("bucket: lake, endpoint: minio:9000"),
            "c.yaml:3: connectors.lake.destination.endpoint: expected an address such as https://minio.example.com:9000, found a text"
        ),
        Case(
            s3("bucket: lake, prefix: raw"),
            "c.yaml:3: connectors.lake.destination.prefix: stands one level up, in the connector's key: {prefix: …}"
        ),
        Case(
            s3("bucket: lake, path_style: often"),
            "c.yaml:3: connectors.lake.destination.path_style: expected true or false, found a text"
        ),
        Case(
            s3("bucket: lake, encryption: {type: s3, key_id: k}"),
            "c.yaml:3: connectors.lake.destination.encryption.key_id: is not a key of connectors.lake.destination.encryption; expected type"
        ),
        Case(
            s3("bucket: lake, storage_class: cold"),
            "c.yaml:3: connectors.lake.destination.storage_class: expected a class such as STANDARD_IA, found a text"
        ),
        Case(
            s3("bucket: lake, tags: [a=b, c]"),
            "c.yaml:3: connectors.lake.destination.tags[1]: expected key=value of letters, digits, spaces and "
                + "+ - = . _ : / @ (key up to 128, value up to 256), found a text"
        ),
        Case(
            s3("bucket: lake, create_only: hope"),
            "c.yaml:3: connectors.lake.destination.create_only: expected one of if_none_match, head_first, found a text"
        ),
        Case(
            s3("bucket: lake, credentials: static"),
            "c.yaml:3: connectors.lake.destination.credentials: expected one of default, environment, profile, "
                + "web_identity, container, instance, or {access_key_id: …, secret_access_key: …}, found a text"
        ),
        Case(
            s3("bucket: lake, credentials: {access_key_id: a}"),
            "c.yaml:3: connectors.lake.destination.credentials.secret_access_key: is missing; expected the key's secret, best as ${NAME}"
        ),
        Case(
            s3("bucket: lake, credentials: {access_key: a, secret: b}"),
            "c.yaml:3: connectors.lake.destination.credentials.access_key: is not a key of "
                + "connectors.lake.destination.credentials; did you mean access_key_id?\n"
                + "c.yaml:3: connectors.lake.destination.credentials.secret: is not a key of "
                + "connectors.lake.destination.credentials; expected one of access_key_id, file, profile, role_arn, "
                + "secret_access_key, session_token, token_file, type"
        ),
        Case(
            s3("bucket: lake, credentials: {secret_access_key: b}"),
            "c.yaml:3: connectors.lake.destination.credentials.access_key_id: is missing; expected an access key id"
        ),
        Case(
            "connectors:\n  lake:\n    destination: {type: gcs, bucket: lake, credentials: key.json}",
            "c.yaml:3: connectors.lake.destination.credentials: expected one of default, metadata, none, or {file: …} "
                + "or {json: …}, found a text"
        ),
        Case(
            s3("bucket: lake, assume_role: {external_id: x}"),
            "c.yaml:3: connectors.lake.destination.assume_role.role_arn: is missing; expected a role's ARN"
        ),
        Case(
            azure("container: Lake"),
            "c.yaml:3: connectors.lake.destination.container: expected the container's name, 3 to 63 lower-case letters, "
                + "digits and single dashes"
        ),
        Case(
            "connectors:\n  lake:\n    destination: {type: azure, container: lake}",
            "c.yaml:3: connectors.lake.destination.account: is missing; expected the storage account's name, here or in "
                + "AZURE_STORAGE_ACCOUNT"
        ),
        Case(
            "connectors:\n  lake:\n    destination: {type: azure, account: My-Lake, container: lake}",
            "c.yaml:3: connectors.lake.destination.account: expected a storage account's name, 3 to 24 lower-case letters "
                + "and digits"
        ),
        Case(
            azure("container: lake, endpoint: azurite:10000"),
            "c.yaml:3: connectors.lake.destination.endpoint: expected an address such as "
                + "https://mylake.blob.core.windows.net, found a text"
        ),
        Case(
            azure("container: lake, access_tier: archive"),
            "c.yaml:3: connectors.lake.destination.access_tier: expected one of hot, cool, cold, found a text"
        ),
        Case(
            azure("container: lake, encryption_scope: a/b"),
            "c.yaml:3: connectors.lake.destination.encryption_scope: expected a scope's name, 3 to 63 letters, digits "
                + "and dashes, found a text"
        ),
        Case(
            azure("container: lake, prefix: raw"),
            "c.yaml:3: connectors.lake.destination.prefix: stands one level up, in the connector's key: {prefix: …}"
        ),
        Case(
            azure("container: lake, credentials: shared_key"),
            "c.yaml:3: connectors.lake.destination.credentials: expected one of default, environment, "
                + "workload_identity, managed_identity, or {connection_string: …}, {account_key: …}, {sas: …} or "
                + "{client_secret: …}, found a text"
        ),
        Case(
            azure("container: lake, credentials: {account_key: hunter2!}"),
            "c.yaml:3: connectors.lake.destination.credentials.account_key: expected one of the account's keys in "
                + "Base64, best as ${NAME}"
        ),
        Case(
            azure("container: lake, credentials: {sas: hunter2}"),
            "c.yaml:3: connectors.lake.destination.credentials.sas: expected a shared access signature with sv and sig, "
                + "or a URL that has one, best as ${NAME}"
        ),
        Case(
            azure("container: lake, credentials: {connection_string: AccountName=mylake}"),
            "c.yaml:3: connectors.lake.destination.credentials.connection_string: expected a connection string with "
                + "AccountName and AccountKey, or BlobEndpoint and SharedAccessSignature"
        ),
        Case(
            azure("container: lake, credentials: {connection_string: AccountName=pond;AccountKey=AQI=}"),
            "c.yaml:3: connectors.lake.destination.account: expected the account that the credentials are of, found another"
        ),
        Case(
            azure("container: lake, credentials: {client_secret: x, client_id: c}"),
            "c.yaml:3: connectors.lake.destination.credentials.tenant_id: is missing; expected the tenant's id"
        ),
    ]

    static let oddVariable =
        "expected the name of an environment variable in ${}, found none of that name; only names of upper-case "
        + "letters, digits and _ are told here, and there are no defaults such as ${NAME:-x}; set it, or write $${ for "
        + "${ itself"

    static func azure(_ keys: String) -> String {
        "connectors:\n  lake:\n    destination: {type: azure, account: mylake, \(keys)}"
    }

    static func connector(_ line: String) -> String {
        "connectors:\n  lake:\n    destination: {type: local, path: lake}\n    \(line)"
    }

    static func s3(_ keys: String) -> String {
        "connectors:\n  lake:\n    destination: {type: s3, region: eu-central-1, \(keys)}"
    }

    static func message(_ yaml: String) -> String? {
        do {
            _ = try Configuration.read(yaml, file: "c.yaml", environment: ["SECRET": "hunter2"])
            return nil
        } catch {
            return error.description
        }
    }

    @Test("a mistake is named with file, line, key and what was expected", arguments: cases)
    func mistake(_ mistake: Case) {
        #expect(Self.message(mistake.yaml) == mistake.message)
    }

    @Test("several mistakes are reported at once, in the order of the file")
    func several() {
        let yaml = "log: {level: loud}\ndisk: {budgt: 1GiB}\njournal: {partitions: x, keep: y}\n"
        let lines = Self.message(yaml)?.split(separator: "\n").map { $0.prefix { $0 != "," } } ?? []
        #expect(
            lines == [
                "c.yaml:1: log.level: expected one of trace",
                "c.yaml:2: disk.budgt: is not a key of disk; did you mean budget?",
                "c.yaml:3: journal.partitions: expected a whole number from 1 to 256",
                "c.yaml:3: journal.keep: expected a duration up to 3650d such as 7d",
            ]
        )
    }

    @Test(
        "two connectors of one id are refused, wherever they write",
        arguments: ["path: lake/raw}, key: {prefix: raw}", "path: pond}", "path: lake/raw}, key: {cluster: other}"]
    )
    func sharedIDs(place: String) {
        let id = "0123456789abcdef01234567"
        let one = "{destination: {type: local, path: lake/raw}, id: \(id)}"
        let other = "{destination: {type: local, \(place), id: \(id)}"
        #expect(
            Self.message("connectors:\n  one: \(one)\n  other: \(other)\n")
                == "c.yaml:3: connectors.other: has the same id as connector one; keys and state name it, so each needs "
                + "its own"
        )
    }

    @Test("an empty list of what to carry is refused: it reads like nothing and would mean everything")
    func emptyLists() {
        for key in ["events", "sections", "channels", "actions"] {
            let yaml = "connectors: {lake: {destination: {type: local, path: lake}, \(key): []}}"
            #expect(
                Self.message(yaml)
                    == "c.yaml:1: connectors.lake.\(key): is empty and would carry nothing; leave it out to carry everything"
            )
        }
    }

    @Test("what an environment variable holds never shows in a message")
    func secrets() {
        let yaml =
            "journal: {keep: \"${SECRET}\", partitions: \"${SECRET}\"}\nlog: {level: \"${SECRET}\"}\n"
            + "connectors: {lake: {destination: {type: \"${SECRET}\"}, events: [\"${SECRET}\"]}}"
        let message = Self.message(yaml)
        #expect(message?.isEmpty == false)
        #expect(message?.contains("hunter2") == false)
    }

    static let secret = "HUSHhush7f3a91c2d4"

    static func destination(_ keys: String) -> String { "connectors: {a: {destination: {\(keys)}}}" }

    /// One secret where it is refused: under its own key, or one slip away from it.
    static let slips = [
        destination("type: http, url: \"https://p.example\", token: \"\(secret)${x\""),
        destination("type: http, url: \"https://p.example\", token: \"ab${\(secret)}cd\""),
        destination("type: http, url: \"https://p.example\", token: \"\(secret)\u{7}\""),
        destination("type: http, url: \"https://p.example\", token: *\(secret)"),
        destination("type: http, url: \"https://p.example\", token: @\(secret)"),
        destination("type: http, url: \"https://p.example\", token \(secret)"),
        destination("type: http, url: \"https://p.example\", \(secret)"),
        destination("type: http, url: \"https://p.example\", token=\(secret): x"),
        destination("type: http, url: \"https://p.example\", token=\(secret): x, token=\(secret): y"),
        destination("type: http, url: \"https://p.example\", headers: \"X-Api-Key: \(secret)\""),
        destination("type: http, url: \"https://p.example\", headers: [\"X-Api-Key: \(secret)\"]"),
        destination("type: http, url: \"https://p.example\", headers: {\"X-Api-Key: \(secret)\": x}"),
        destination("type: http, url: \"https://p.example\", timeout: \(secret)"),
        destination("type: http, url: \"p.example?key=\(secret)\""),
        destination("type: \(secret)"),
        "connectors: {a: {destination: \"https://p.example?key=\(secret)\"}}",
        "connectors: {a: {destination: {type: local, path: x}, privacy: \(secret)}}",
        "connectors: {a: {destination: {type: local, path: x}, privacy: {pii: \"hmac_sha256:\(secret)\"}}}",
        "connectors: {a: {destination: {type: local, path: x}, privacy: {hmac_key: \(secret.prefix(10))}}}",
        "sources: {a: {webhooks: {twilio: \(secret)}}}",
        "sources: {a: {webhooks: {twilio: [\(secret)]}}}",
        "sources: {a: {webhooks: {twilio: {\(secret)}}}}",
        "publicURL: https://e.example\nsources: {a: {webhooks: {ses: {topics: [\(secret)]}}}}",
        destination("type: azure, account: a1b, container: events, credentials: \"AccountKey=\(secret)\""),
        destination("type: azure, account: \"AccountKey=\(secret)\", container: events"),
        destination("type: azure, account: a1b, container: events, endpoint: \"a1b.example/?sv=1&sig=\(secret)\""),
        destination("type: azure, account: a1b, container: e12, endpoint: \"https://a1b.example:x/?sig=\(secret)\""),
        destination("type: s3, bucket: lake, region: r, credentials: \"AKIA:\(secret)\""),
        destination("type: s3, bucket: lake, region: r, credentials: {type: \(secret)}"),
        destination("type: s3, bucket: lake, region: r, endpoint: \"AK:\(secret)@s3.example\""),
        destination("type: gcs, bucket: lake, credentials: '{\"private_key\":\"\(secret)\"}'"),
        destination("type: gcs, bucket: lake, credentials: {json: '{\"private_key\":\"\(secret)\"'}"),
        destination("type: gcs, bucket: lake, credentials: {json: '{\"type\":\"\(secret)\"}'}"),
        destination("type: gcs, bucket: lake, credentials: {file: '{\"private_key\":\"\(secret)\"}'}"),
        destination("type: kafka, topic: t, brokers: \"user:\(secret)@k.example:9092\""),
        destination("type: kafka, topic: t, brokers: \"\(secret)@k.example:9092\""),
        destination("type: kafka, topic: t, brokers: \"k:1\", librdkafka: \"sasl.password=\(secret)\""),
        "tls: {certificate: /etc/hostname, key: \"-----BEGIN PRIVATE KEY-----\\n\(secret)\"}",
        "tracking: {definitions: \(secret)}",
        "publicURL: https://e.example?token=\(secret)",
        secret,
        "- \(secret)",
        "data: x\n---\ntoken: \(secret)",
    ]

    @Test("no message quotes a value, wherever it stands", arguments: slips)
    func slip(yaml: String) throws {
        let message = try #require(Self.message(yaml), "it is refused")
        #expect(!message.contains(Self.secret.prefix(10)), "\(message)")
    }

    @Test("what no YAML is has its line and the reason, and nothing of the line itself")
    func reader() {
        #expect(
            Self.message("data: x\nlog: {level: info}\nlisten: \"\u{7}hush\"\n")
                == "c.yaml:3: is not YAML at column 10: control characters are not allowed"
        )
    }

    @Test("a key that may be a value is not named, and the nearest that was meant is")
    func keys() {
        #expect(
            Self.message("log: {level info}")
                == "c.yaml:1: log: has an unknown key without a value; expected one of format, level"
        )
        #expect(
            Self.message("log: {levl: }") == "c.yaml:1: log: has an unknown key without a value; did you mean level?"
        )
        #expect(
            Self.message("log: {level=info: x}")
                == "c.yaml:1: log.(a text): is not a key of log; expected one of format, level"
        )
    }

    @Test(
        "credentials of Google are read when the configuration is",
        arguments: [
            ("not JSON", "expected JSON as Google makes it, with a type"),
            (
                "{\"type\":\"key\"}",
                "expected the type service_account, external_account or authorized_user, found another"
            ),
            (
                "{\"type\":\"service_account\"}",
                "a service account's key has client_email, private_key and token_uri"
            ),
        ]
    )
    func googleCredentials(text: String, complaint: String) {
        #expect(
            Self.message(Self.destination("type: gcs, bucket: lake, credentials: {json: '\(text)'}"))
                == "c.yaml:1: connectors.a.destination.credentials.json: \(complaint)"
        )
    }
}
