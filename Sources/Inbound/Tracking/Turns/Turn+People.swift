import Avro
import Intake

extension Turn {
    static func normalized(_ email: String) -> String { email.lowercased() }

    // MARK: - The directory

    mutating func put(_ entry: DirectoryEntry) throws(TrackingError) {
        let head = ids.head("user", entry.userID)
        let before = try view.value(.users, head).flatMap { try? JSONValue(parsing: $0) }
        let old = Set(before.map(Self.addresses) ?? [])
        var members: [JSONValue.Member] = []
        if let external = entry.externalUserID { members.append(.init("external_user_id", .string(external))) }
        if let timezone = entry.timezone { members.append(.init("timezone", .string(timezone))) }
        members.append(.init("phones", .array(entry.phones.map(JSONValue.string))))
        members.append(.init("emails", .array(entry.emails.map(JSONValue.string))))
        let json = JSONValue.object(members)
        view.put(.users, head, "", json.text)
        let new = Set(Self.addresses(json))
        for address in old.subtracting(new).sorted() { view.remove(.addresses, ids.head(address), entry.userID) }
        for address in new.sorted() { view.put(.addresses, ids.head(address), entry.userID, "") }
    }

    /// Takes a user's entry out, and with it every address and number by which the user was found.
    mutating func forget(_ userID: String) throws(TrackingError) {
        let head = ids.head("user", userID)
        guard let text = try view.value(.users, head) else { return }
        view.remove(.users, head)
        guard let entry = try? JSONValue(parsing: text) else { return }
        for address in Self.addresses(entry) { view.remove(.addresses, ids.head(address), userID) }
    }

    private static func addresses(_ json: JSONValue) -> [String] {
        let phones = (json["phones"]?.array ?? []).compactMap(\.string).map { "phone \($0)" }
        let emails = (json["emails"]?.array ?? []).compactMap(\.string).map { "email \(normalized($0))" }
        return phones + emails + (json["external_user_id"]?.string.map { ["external \($0)"] } ?? [])
    }

    /// The users that a number belongs to, in the order of their ids: of more than `limit`, the first.
    func users(at number: String, limit: Int) throws(TrackingError) -> (first: [String], isMore: Bool) {
        let rows = try view.rows(.addresses, ids.head("phone \(number)"), limit: limit + 1)
        return (rows.prefix(limit).map(\.tail), rows.count > limit)
    }

    /// The first in the order of their ids of the users that an address belongs to: one may be that of very many.
    private func user(at address: ProviderReport.Address) throws(TrackingError) -> String? {
        switch address {
        case .email(let email): try view.first(.addresses, ids.head("email \(Self.normalized(email))"))?.tail
        case .phone(let phone): try view.first(.addresses, ids.head("phone \(phone)"))?.tail
        case .none: nil
        }
    }

    /// Fields completed by what the directory knows of their user.
    func known(_ fields: Fields) throws(TrackingError) -> Fields {
        var fields = fields
        if fields["user_id"] == nil, let external = fields.string("external_user_id") {
            fields.set("user_id", try view.first(.addresses, ids.head("external \(external)"))?.tail)
        }
        guard let user = fields.string("user_id"), let text = try view.value(.users, ids.head("user", user)),
            let entry = try? JSONValue(parsing: text)
        else { return fields }
        for name in ["external_user_id", "timezone"] where fields[name] == nil { fields[name] = entry[name] }
        return fields
    }

    /// Names the user of an event that came with an address only: from the directory, or by an id made of the address.
    func named(_ fields: Fields, at address: ProviderReport.Address) throws(TrackingError) -> Fields {
        var fields = fields
        if fields["user_id"] == nil, fields["external_user_id"] == nil {
            if let user = try user(at: address) {
                fields.set("user_id", user)
            } else {
                fields.set("user_id", derivedUser(at: address))
            }
        }
        return try known(fields)
    }

    func derivedUser(at address: ProviderReport.Address) -> String? {
        switch address {
        case .email(let email): intake.derivedUserID(from: "email \(Self.normalized(email))", source: source.name)
        case .phone(let phone): intake.derivedUserID(from: "phone \(phone)", source: source.name)
        case .none: nil
        }
    }

    // MARK: - Subscriptions

    static let changeType = "users.behaviors.subscriptiongroup.StateChange"

    /// Sets a user's state in the group that the fields name, and makes the change an event, if it is one.
    ///
    /// An unknown state counts as different. A change that cannot be an event is none.
    mutating func subscribe(_ fields: Fields, eventID: String, time: Int64) throws(TrackingError) {
        guard try isChange(fields), let draft = draft(Self.changeType, id: eventID, time: time, fields) else { return }
        if try settle(draft) { noteState(fields) }
    }

    func isChange(_ fields: Fields) throws(TrackingError) -> Bool {
        guard let group = fields.string("subscription_group_id"), let status = fields.string("subscription_status")
        else {
            return false
        }
        let head = ids.head("subscription", group)
        for user in Self.userKeys(fields) {
            if let state = try view.value(.subscriptions, head, user) { return state != status }
        }
        return Self.userKey(fields) != nil
    }

    mutating func noteState(_ fields: Fields) {
        guard let user = Self.userKey(fields), let group = fields.string("subscription_group_id"),
            let status = fields.string("subscription_status")
        else { return }
        view.put(.subscriptions, ids.head("subscription", group), user, status)
    }
}
