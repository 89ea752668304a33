import Avro
import Glossary

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
        if case .unmapped(let name) = report.kind { return metrics.countUnmapped(provider: provider, event: name) }
        guard Rule.timeIsInRange(time) else { return try setAsideUntimed(report, time, fields, id("time")) }
        switch report.kind {
        case .unmapped: break
        case .happened(let type):
            guard self.type(type) != nil else { return metrics.countUnmapped(provider: provider, event: type) }
            guard try !isRepeat([id(type)]) else { return }
            try happen(happening(report, type, id(type), time, fields))
        case .sent(let type): try sent(happening(report, type, id(type), time, fields), provider, report.account)
        case .inbound(let message):
            guard try !isRepeat([id("inbound")]) else { return }
            try receive(message, id: id("inbound"), time: time, fields: Fields(report.fields))
        case .group(let group, let isSubscribed):
            guard let known = book.group(provider: provider, id: group, at: time) else {
                return metrics.countUnmapped(provider: provider, event: "group \(group)")
            }
            guard try !isRepeat([id("group")]) else { return }
            fields.set("subscription_group_id", known.id)
            fields.set("subscription_status", isSubscribed ? "Subscribed" : "Unsubscribed")
            fields.set("channel", known.channel.rawValue)
            try happen(happening(report, Self.changeType, id("group"), time, fields))
        case .everything(let isSubscribed):
            let type = "users.behaviors.subscription.GlobalStateChange"
            guard self.type(type) != nil else { return metrics.countUnmapped(provider: provider, event: type) }
            guard try !isRepeat([id(type)]) else { return }
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
        _ happening: Happening,
        _ provider: String,
        _ account: String
    ) throws(TrackingError) {
        var happening = happening
        let context = try context(of: happening)
        let isRecipient = context?.isTo(happening.fields) ?? true
        if let context, isRecipient {
            if let providerID = happening.providerMessageID {
                remember(context, as: providerID, of: StateDay(seconds: now))
                try release(providerID: providerID, context)
            }
            learn(happening, context)
        }
        // The message knows whose word counts; where it is not known, the source does.
        guard context.map({ $0.origin != .reported }) ?? (source.sends == .provider) else { return }
        // One Send for each message, whoever tells of it and however often. Its id is made of what this report itself
        // says, so that it does not hang on what came before; all the ids that it has or could have had are noted.
        var names = [happening.id]
        if isRecipient, let messageID = context?.messageID ?? happening.messageID {
            names.append(Self.sendID(messageID))
        }
        if let providerID = happening.providerMessageID {
            happening.id = TrackingIDs.id("provider-send", provider, account, providerID, happening.mailbox)
            names.append(happening.id)
        } else if isRecipient, let messageID = happening.messageID {
            happening.id = Self.sendID(messageID)
        }
        guard try !isRepeat(names) else { return }
        try happen(happening)
    }

    /// An event whose time no event can have: a dead letter, and nothing else.
    private mutating func setAsideUntimed(
        _ report: ProviderReport,
        _ time: Int64,
        _ fields: Fields,
        _ id: String
    ) throws(TrackingError) {
        guard try !isRepeat([id]) else { return }
        let type =
            switch report.kind {
            case .happened(let type), .sent(let type): type
            case .inbound: "users.messages.sms.InboundReceive"
            case .group, .everything, .unmapped: Self.changeType
            }
        let event = happening(report, type, id, time, fields).event(fields)
        setAside(event, code: Rule.timeOutOfRange.code, message: Rule.timeOutOfRange.sentence)
    }
}
