/// The invented sender's world: its users, campaigns, canvases and subscription groups.
///
/// It never changes.
final class SampleWorld: Sendable {
    let seed: UInt64
    let appGroup: String
    let users: [SampleUser]
    let campaigns: [SampleCampaign]
    let canvases: [SampleCanvas]
    let emailGroups: [SampleGroup]
    let textGroups: [SampleGroup]
    let newsCards: [String]

    init(seed: UInt64, users userCount: Int, campaigns campaignCount: Int, canvases canvasCount: Int) {
        var random = SampleRandom(seed: SampleRandom.mix(seed) ^ 0x5AD1)
        self.seed = seed
        appGroup = random.uuid()
        let apps = (0..<3).map { _ in random.uuid() }
        users = (0..<userCount).map { SampleUser(number: $0, apps: apps, random: &random) }
        campaigns = (0..<campaignCount).map { number in
            let channel = SampleChannel.allCases[number % SampleChannel.allCases.count]
            return SampleCampaign(channel: channel, random: &random)
        }
        canvases = (0..<canvasCount).map { _ in SampleCanvas(random: &random) }
        emailGroups = ["", ""].map { SampleGroup(id: random.uuid(), apiID: random.uuid(), number: $0) }
        textGroups = ["72345", "+15550100200"].map { number in
            SampleGroup(id: random.uuid(), apiID: random.uuid(), number: number)
        }
        newsCards = (0..<12).map { _ in random.uuid() }
    }

    /// The position of one of the campaigns of a channel.
    func campaign(_ number: Int, of channel: SampleChannel) -> Int {
        let channels = SampleChannel.allCases.count
        return Int(channel.rawValue) + number % (campaigns.count / channels) * channels
    }

    /// The user whose phone a user reads: every fiftieth shares the phone of the one before.
    func phoneOwner(of user: Int) -> Int {
        user % 50 == 49 ? user - 1 : user
    }

    /// The users who share the phone of its owner, the owner first.
    func users(sharingPhoneOf owner: Int) -> Range<Int> {
        let sharesWithNext = owner % 50 == 48 && owner + 1 < users.count
        return owner..<(sharesWithNext ? owner + 2 : owner + 1)
    }
}

/// The channels that campaigns go through.
enum SampleChannel: UInt8, CaseIterable, Sendable {
    case email
    case push
    case text
    case inApp
    case contentCard
    case webhook
}

/// A subscription group; one for text messages has a number of its own.
struct SampleGroup: Sendable {
    let id: String
    let apiID: String
    let number: String
}

/// An invented person with one device.
final class SampleUser: Sendable {
    let id: String
    let externalID: String
    let phone: String
    let timezone: String
    let app: String
    let deviceID: String
    let platform: String
    let osVersion: String
    let deviceModel: String
    let userAgent: String
    let adID: String?
    let adIDType: String
    let adTrackingEnabled: Bool
    private let mailbox: String

    init(number: Int, apps: [String], random: inout SampleRandom) {
        id = random.hex(digits: 24)
        externalID = "cust-" + SampleText.decimal(100_000 + number * 7, digits: 10)
        let first = random.one(of: Phrases.firstNames)
        mailbox = "\(first.lowercased()).\(random.hex(digits: 6))"
        // Every fiftieth user shares the phone of the one before.
        let owner = number % 50 == 49 ? number - 1 : number
        phone = "+1555" + SampleText.decimal(owner * 7_919 % 10_000_000, digits: 7)
        timezone = random.one(of: Phrases.timezones)
        let device = Phrases.devices[number % Phrases.devices.count]
        app = apps[number % apps.count]
        deviceID = random.uuid()
        platform = device.platform
        osVersion = device.osVersion
        deviceModel = device.model
        userAgent = device.userAgent
        // Only some apps collect the advertising id.
        adID = device.adIDType != nil && number % 3 == 0 ? random.uuid() : nil
        adIDType = device.adIDType ?? "google_ad_id"
        adTrackingEnabled = random.chance(percent: 60)
    }

    /// The address of the user; a higher number after each address that bounced for good.
    func emailAddress(_ number: UInt8) -> String {
        number == 0 ? "\(mailbox)@example.com" : "\(mailbox).\(number)@example.org"
    }

    /// The position of the first user at or before this one with an iOS device.
    static func withIOS(near user: Int) -> Int {
        user - user % Phrases.devices.count
    }
}

/// An invented campaign.
final class SampleCampaign: Sendable {
    let id: String
    let name: String
    let channel: SampleChannel
    let variations: [(id: String, name: String)]
    let controlVariation: String
    let isScheduled: Bool
    let sendID: String?
    let cardID: String
    let link: String
    let conversions: [String]

    init(channel: SampleChannel, random: inout SampleRandom) {
        id = random.uuid()
        name = Phrases.title(words: 3, &random)
        self.channel = channel
        variations = ["Original", "Variant B"].map { (random.uuid(), $0) }
        controlVariation = random.uuid()
        isScheduled = random.chance(percent: 50)
        sendID = random.chance(percent: 40) ? random.hex(digits: 24) : nil
        cardID = random.hex(digits: 24)
        link = Phrases.link(&random)
        conversions = Phrases.conversions(&random)
    }
}

/// An invented canvas.
final class SampleCanvas: Sendable {
    let id: String
    let name: String
    let variations: [(id: String, name: String)]
    let steps: [Step]
    let conversions: [String]

    struct Step: Sendable {
        let id: String
        let name: String
        let channel: SampleChannel
        let messageVariation: String
        let cardID: String
        let link: String
    }

    init(random: inout SampleRandom) {
        id = random.uuid()
        name = Phrases.title(words: 4, &random)
        variations = ["Variant 1", "Variant 2"].map { (random.uuid(), $0) }
        let channels: [SampleChannel] = [
            random.one(of: [.email, .push]), random.one(of: [.email, .text, .inApp]), random.one(of: [.email, .push]),
        ]
        steps = channels.map { channel in
            Step(
                id: random.uuid(),
                name: Phrases.title(words: 2, &random),
                channel: channel,
                messageVariation: random.uuid(),
                cardID: random.hex(digits: 24),
                link: Phrases.link(&random)
            )
        }
        conversions = Phrases.conversions(&random)
    }
}
