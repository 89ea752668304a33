import Avro

extension Turn {
    /// Handles what a provider says; each of its facts once.
    mutating func handle(_ report: ProviderReport, from provider: String) throws(TrackingError) {
        let time = report.time ?? now
        var fields = Fields(report.fields)
        switch report.address {
        case .email(let email): fields.set("email_address", email)
        case .phone(let phone): if fields["to_phone_number"] == nil { fields.set("to_phone_number", phone) }
        case .none: break
        }
        for (name, value) in report.metadata where fields[name] == nil { fields.set(name, value) }
        func id(_ what: String) -> String { TrackingIDs.id("provider", provider, report.account, report.key, what) }
        switch report.kind {
        case .unmapped(let name): metrics.countUnmapped(provider: provider, event: name)
        case .happened(let type):
            guard self.type(type) != nil else { return metrics.countUnmapped(provider: provider, event: type) }
            guard try !isRepeat(id(type)) else { return }
            try happen(happening(report, type, id(type), time, fields))
        case .sent(let type): try sent(report, type, id(type), time, fields)
        case .inbound(let message):
            guard try !isRepeat(id("inbound")) else { return }
            try receive(message, id: id("inbound"), time: time, fields: Fields(report.fields))
        case .group(let group, let isSubscribed):
            guard let known = book.group(provider: provider, id: group, at: time) else {
                return metrics.countUnmapped(provider: provider, event: "group \(group)")
            }
            guard try !isRepeat(id("group")) else { return }
            fields.set("subscription_group_id", known.id)
            fields.set("subscription_status", isSubscribed ? "Subscribed" : "Unsubscribed")
            fields.set("channel", known.channel.rawValue)
            try happen(happening(report, Self.changeType, id("group"), time, fields))
        case .everything(let isSubscribed):
            let type = "users.behaviors.subscription.GlobalStateChange"
            guard self.type(type) != nil else { return metrics.countUnmapped(provider: provider, event: type) }
            guard try !isRepeat(id(type)) else { return }
            fields.set("subscription_status", isSubscribed ? "Subscribed" : "Unsubscribed")
            try happen(happening(report, type, id(type), time, fields))
        }
    }

    private func happening(
        _ report: ProviderReport,
        _ type: String,
        _ id: String,
        _ time: Int64,
        _ fields: Fields
    ) -> Happening {
        Happening(
            type: type,
            id: id,
            time: time,
            fields: fields,
            messageID: report.messageID,
            providerMessageID: report.providerMessageID
        )
    }

    /// The provider took a message on: it joins its own id to ours, and makes the Send where it has the word.
    private mutating func sent(
        _ report: ProviderReport,
        _ type: String,
        _ id: String,
        _ time: Int64,
        _ fields: Fields
    ) throws(TrackingError) {
        var happening = happening(report, type, id, time, fields)
        let context = try context(of: happening)
        if let context, let providerID = report.providerMessageID {
            let head = ids.head("provider", providerID)
            view.put(.providerMessages, day: StateDay(seconds: now), head, "", context.messageID)
            try release(ids.head("parked", "provider", providerID), context)
        }
        guard source.sends == .provider else { return }
        // One Send for each message, whatever it is called.
        if let messageID = context?.messageID ?? report.messageID { happening.id = Self.sendID(messageID) }
        guard try !isRepeat(happening.id) else { return }
        try happen(happening)
    }
}
