import Avro
import Glossary
import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@testable import Delivery

@Suite("Privacy")
struct PrivacyTests {
    private static let key = Array("0123456789abcdef".utf8)

    /// What a record of a type becomes under settings, and what it was.
    private func treat(
        _ type: EventType,
        _ settings: PrivacySettings,
        datum: [UInt8]? = nil
    ) throws -> (before: Datum, after: Datum) {
        let before = datum ?? Records.datum(type, id: "i")
        guard let treatments = try settings.treatments(of: type.fields) else {
            return (try decode(before, type), try decode(before, type))
        }
        let projection = Projection(from: type.fields, to: type.fields, treatments: treatments)
        var output: [UInt8] = []
        var scratch = ProjectionScratch()
        let obstacle = unsafe before.withUnsafeBytes { raw in
            unsafe projection.append(raw, to: &output, scratch: &scratch)
        }
        #expect(obstacle == nil)
        return (try decode(before, type), try decode(output, type))
    }

    private func decode(_ bytes: [UInt8], _ type: EventType) throws -> Datum {
        try Resolution(writer: try Schema(json: type.journalSchema)).decode(bytes.span)
    }

    /// An SMS Delivery: `to_phone_number` is nullable, `user_id` is required.
    private func delivery(phone: String?) -> [UInt8] {
        let type = Records.type("users.messages.sms.Delivery")
        var encoder = BinaryEncoder()
        for field in type.fields {
            if !field.isRequired { encoder.writeLong(field.name == "to_phone_number" && phone != nil ? 1 : 0) }
            switch field.name {
            case "to_phone_number": if let phone { encoder.writeString(phone) }
            case "time": encoder.writeLong(1)
            default: if field.isRequired { encoder.writeString("abc") }
            }
        }
        return encoder.withBytes { span in (0..<span.count).map { span[$0] } }
    }

    @Test(
        "each action does to a text what it says",
        arguments: [
            (PrivacySettings.Action.keep, "abc", "abc"),
            (.redact, "[REDACTED]", "[REDACTED]"),
            (
                .sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            ),
            (
                .hmacSHA256, "bcaa92843247bc258080d2824bddeba4afb1bd61b4688ca65f60a214e1d9759e",
                "bcaa92843247bc258080d2824bddeba4afb1bd61b4688ca65f60a214e1d9759e"
            ),
            (.drop, "[REDACTED]", nil),
        ] as [(PrivacySettings.Action, String, String?)]
    )
    func actions(action: PrivacySettings.Action, required: String, nullable: String?) throws {
        let type = Records.type("users.messages.sms.Delivery")
        let settings = PrivacySettings(fields: ["to_phone_number": action, "user_id": action], key: Self.key)
        let after = try treat(type, settings, datum: delivery(phone: "abc")).after
        #expect(after["user_id"]?.unwrapped == .string(required))
        #expect(after["to_phone_number"]?.unwrapped == nullable.map(Datum.string) ?? .null)
        let empty = try treat(type, settings, datum: delivery(phone: nil)).after
        #expect(empty["to_phone_number"]?.unwrapped == .null, "nulls stay null")
    }

    @Test("hashes are of the UTF-8 bytes, whatever the length")
    func unicode() throws {
        let type = Records.type("users.messages.sms.Delivery")
        let settings = PrivacySettings(fields: ["to_phone_number": .sha256])
        for (text, hash) in [
            ("é✓🎈", "e7da1f05b5b74f50831e6b7dee8d886ae3fb698152ad3e2abfec55fc773682b6"),
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ] {
            let after = try treat(type, settings, datum: delivery(phone: text)).after
            #expect(after["to_phone_number"]?.unwrapped == .string(hash), "\(text.prefix(8))")
        }
    }

    @Test("no other field changes, in any type of any edition", arguments: PrivacySettings.Action.allCases)
    func others(action: PrivacySettings.Action) throws {
        var changed = 0
        for type in Glossary.standard.editions.flatMap(\.types) {
            let settings = PrivacySettings(personal: action, key: Self.key)
            guard settings.problems(in: type).isEmpty else {
                #expect(type.name == "users.behaviors.Location", "\(type.name)")
                continue
            }
            let (before, after) = try treat(type, settings)
            for field in type.fields {
                let value = try #require(after[field.name]).unwrapped
                let was = try #require(before[field.name]).unwrapped
                if action == .keep || !PrivacySettings.isPersonal(field) || was == .null {
                    #expect(value == was, "\(type.name) \(field.name)")
                } else {
                    #expect(value != was, "\(type.name) \(field.name)")
                    changed += 1
                }
            }
        }
        #expect((changed > 100) == (action != .keep))
    }

    @Test("what has no text is dropped under the mark, and refused by name")
    func withoutText() throws {
        let location = Records.type("users.behaviors.Location")
        #expect(
            PrivacySettings(personal: .sha256).problems(in: location).first
                == "users.behaviors.Location: latitude is a required float, which cannot be left out or replaced; keep "
                + "it, or do not carry the event type"
        )
        let kept = PrivacySettings(personal: .sha256, fields: ["latitude": .keep, "longitude": .keep])
        #expect(kept.problems(in: location).isEmpty)
        #expect(try treat(location, kept).after["altitude"]?.unwrapped == .null)
        let open = Records.type("users.messages.pushnotification.Open")
        #expect(
            PrivacySettings(fields: ["ad_tracking_enabled": .sha256]).problems(in: open) == [
                "users.messages.pushnotification.Open: ad_tracking_enabled is a nullable boolean and has no text for "
                    + "sha256; drop or keep it"
            ]
        )
        #expect(PrivacySettings(fields: ["ad_tracking_enabled": .drop]).problems(in: open).isEmpty)
    }

    @Test("a connector refuses what it cannot do, and raw bytes that no rule reaches")
    func refused() async throws {
        let world = try DeliveryWorld()
        let state = try await world.openState()
        let environment = try await world.environment(state)
        var settings = DeliveryWorld.settings(events: ["users.behaviors.Location"])
        settings.privacy = PrivacySettings(personal: .drop)
        #expect(throws: DeliveryError.self) { try Connector(settings, to: .objects(world.store), in: environment) }
        settings.privacy.fields = ["latitude": .keep, "longitude": .keep]
        _ = try Connector(settings, to: .objects(world.store), in: environment)
        try await state.close()
    }

    @Test("files keep their schema, hide what is to be hidden, and do so again when they are made again")
    func landed() async throws {
        let world = try DeliveryWorld()
        var settings = DeliveryWorld.settings(events: ["users.messages.*"])
        settings.privacy = PrivacySettings(personal: .sha256, fields: ["user_id": .keep])
        world.journal.write((0..<20).map { Records.record(Records.open, id: "i\($0)") }, at: world.now)
        world.store.setOutage(.unreachable)
        try await world.process(settings) { connector in
            await #expect(throws: DeliveryError.self) { try await connector.flush(timeout: .seconds(1)) }
        }
        // Staging is lost: the plan's file is made again from the journal.
        for name in try world.files.list("/staging/\(settings.id)") {
            try world.files.remove("/staging/\(settings.id)/\(name)")
        }
        world.store.setOutage(nil)
        try await world.process(settings) { connector in _ = try await connector.flush(timeout: .seconds(600)) }
        let landed = try Landed(world.objects)
        landed.expectExactly((0..<20).map { "i\($0)" })
        for record in landed.files.flatMap(\.records) {
            #expect(record["user_id"]?.unwrapped == .string("user_id"))
            guard case .string(let address)? = record["email_address"]?.unwrapped else {
                Issue.record("no address")
                continue
            }
            #expect(address.utf8.count == 64)
        }
    }
}
