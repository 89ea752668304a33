import Glossary

/// What each field is filled with, by its name.
enum FieldMakers {
    private static let all: [String: FieldMaker] = {
        var makers: [String: FieldMaker] = [:]
        addUser(&makers)
        addTracking(&makers)
        addDevice(&makers)
        addCards(&makers)
        addEmail(&makers)
        addText(&makers)
        addSubscription(&makers)
        addConversion(&makers)
        return makers
    }()

    /// Fields that mean something else, or come by other values, in types that no story tells of.
    private static let storyFields: Set<String> = [
        "error", "provider_error_code", "message_body", "action", "url", "category", "subscription_status", "channel",
    ]

    static func maker(for field: Field, event: StoryEvent?) -> FieldMaker {
        if let maker = all[field.name], event != nil || !storyFields.contains(field.name) { return maker }
        return anyMaker(for: field)
    }

    private static func addUser(_ makers: inout [String: FieldMaker]) {
        makers["id"] = { .string(SampleText.uuid($0.high, $0.low)) }
        makers["user_id"] = { .string($0.user.id) }
        makers["external_user_id"] = { .string($0.user.externalID) }
        makers["time"] = { .int($0.time) }
        makers["time_ms"] = { .int($0.time * 1000 + Int64($0.draw(1, below: 1000))) }
        makers["timezone"] = { .string($0.user.timezone) }
        makers["app_group_id"] = { .string($0.world.appGroup) }
    }

    private static func addTracking(_ makers: inout [String: FieldMaker]) {
        makers["campaign_id"] = { $0.campaign.map { .string($0.id) } }
        makers["campaign_name"] = { $0.campaign.map { .string($0.name) } }
        makers["message_variation_id"] = { scene in
            scene.campaign.map { campaign in
                let isControl = scene.message.detail == .inControl
                return .string(
                    isControl ? campaign.controlVariation : campaign.variations[Int(scene.message.variation)].id
                )
            }
        }
        makers["message_variation_name"] = { scene in
            scene.campaign.map { campaign in
                let isControl = scene.message.detail == .inControl
                return .string(isControl ? "Control" : campaign.variations[Int(scene.message.variation)].name)
            }
        }
        makers["canvas_id"] = { $0.canvas.map { .string($0.id) } }
        makers["canvas_name"] = { $0.canvas.map { .string($0.name) } }
        makers["canvas_variation_id"] = { scene in
            scene.canvas.map { .string($0.variations[Int(scene.message.variation)].id) }
        }
        makers["canvas_variation_name"] = { scene in
            scene.canvas.map { .string($0.variations[Int(scene.message.variation)].name) }
        }
        makers["canvas_step_id"] = { $0.step.map { .string($0.id) } }
        // An entry names no step.
        makers["canvas_step_name"] = { $0.event == .canvasEntry ? nil : $0.step.map { .string($0.name) } }
        makers["canvas_step_message_variation_id"] = { $0.step.map { .string($0.messageVariation) } }
        makers["send_id"] = { $0.campaign?.sendID.map { .string($0) } }
        makers["dispatch_id"] = { scene in
            let message = scene.message
            guard message.dispatchHigh | message.dispatchLow != 0 else { return nil }
            // A click carries it only together with a campaign.
            if scene.event == .emailClick, message.origin != .campaign { return nil }
            return .string(SampleText.hex(message.dispatchHigh, message.dispatchLow, digits: 32))
        }
    }

    private static func addDevice(_ makers: inout [String: FieldMaker]) {
        makers["app_id"] = { $0.event == .stateChange && !$0.isWhole ? nil : .string($0.user.app) }
        makers["platform"] = { .string($0.user.platform) }
        makers["os_version"] = { .string($0.user.osVersion) }
        makers["device_model"] = { .string($0.user.deviceModel) }
        makers["device_id"] = { .string($0.user.deviceID) }
        makers["ad_id"] = { $0.user.adID.map { .string($0) } }
        makers["ad_id_type"] = { $0.user.adID == nil ? nil : .string($0.user.adIDType) }
        makers["ad_tracking_enabled"] = { $0.user.adID == nil ? nil : .boolean($0.user.adTrackingEnabled) }
        makers["button_action_type"] = { scene in
            isButtonClick(scene) ? .string(["URI", "DEEP_LINK", "CLOSE"][scene.draw(3, below: 3)]) : nil
        }
        makers["button_string"] = { isButtonClick($0) ? .string("Shop ✓") : nil }
    }

    /// Three in ten opens of a push are clicks on one of its buttons.
    private static func isButtonClick(_ scene: Scene) -> Bool {
        scene.isWhole || scene.draw(2, below: 10) < 3
    }

    private static func addCards(_ makers: inout [String: FieldMaker]) {
        makers["card_id"] = { scene in
            if scene.event == .newsImpression || scene.event == .newsClick {
                return .string(scene.world.newsCards[scene.shared(4, below: scene.world.newsCards.count)])
            }
            return (scene.campaign?.cardID ?? scene.step?.cardID).map { .string($0) }
        }
        makers["content_card_id"] = { scene in
            .string(scene.campaign?.cardID ?? scene.step?.cardID ?? scene.world.newsCards[0])
        }
        makers["button_id"] = { .string(String($0.draw(5, below: 2))) }
    }

    private static func addEmail(_ makers: inout [String: FieldMaker]) {
        makers["email_address"] = { scene in
            // A change in a group of text messages concerns no address.
            if scene.event == .stateChange, concernsText(scene) { return nil }
            return .string(scene.user.emailAddress(scene.message.mailbox))
        }
        makers["ip_pool"] = { .string(["transactional", "marketing-us"][$0.shared(6, below: 2)]) }
        makers["sending_ip"] = { .string("192.0.2.\($0.shared(7, below: 254) + 1)") }
        makers["user_agent"] = { .string($0.user.userAgent) }
        makers["url"] = { scene in
            (scene.campaign?.link ?? scene.step?.link).map { .string("\($0)&sku=\(scene.draw(8, below: 100_000))") }
        }
        makers["bounce_reason"] = { scene in
            let reasons = scene.event == .emailSoftBounce ? Phrases.softBounceReasons : Phrases.bounceReasons
            return .string(reasons[scene.draw(9, below: reasons.count)])
        }
    }
}

// MARK: - Text messages, subscriptions, conversions

extension FieldMakers {
    private static func addText(_ makers: inout [String: FieldMaker]) {
        makers["to_phone_number"] = { .string($0.user.phone) }
        // Which number a message goes out from is known once it is on its way.
        makers["from_phone_number"] = { $0.event == .textSend ? nil : .string($0.textGroup.number) }
        makers["user_phone_number"] = { .string($0.user.phone) }
        makers["inbound_phone_number"] = { .string($0.textGroup.number) }
        makers["subscription_group_id"] = { scene in
            let isEmail = scene.event == .stateChange && !concernsText(scene)
            return .string(isEmail ? scene.emailGroup.id : scene.textGroup.id)
        }
        makers["subscription_group_api_id"] = { .string($0.textGroup.apiID) }
        makers["category"] = { scene in
            switch scene.message.detail {
            case .answerToStop: .string("Opt-Out")
            case .answerToHelp: .string("Help")
            default: nil
            }
        }
        makers["error"] = { .string(textError($0).0) }
        makers["provider_error_code"] = { .string(textError($0).1) }
        makers["action"] = { .string($0.message.detail == .replyStop ? "unsubscribed" : "none") }
        makers["message_body"] = { scene in
            switch scene.message.detail {
            case .replyStop: .string("STOP")
            case .replyHelp: .string("HELP")
            default: .string(Phrases.replies[scene.shared(10, below: Phrases.replies.count)])
            }
        }
    }

    private static func textError(_ scene: Scene) -> (String, String) {
        let errors = scene.event == .textRejection ? Phrases.rejectionErrors : Phrases.failureErrors
        return errors[scene.draw(11, below: errors.count)]
    }

    private static func concernsText(_ scene: Scene) -> Bool {
        scene.message.detail == .subscribedToText || scene.message.detail == .unsubscribedFromText
    }

    private static func addSubscription(_ makers: inout [String: FieldMaker]) {
        makers["phone_number"] = { scene in
            scene.event == .stateChange && !concernsText(scene) ? nil : .string(scene.user.phone)
        }
        makers["channel"] = { .string(concernsText($0) ? "sms" : "email") }
        makers["subscription_status"] = { scene in
            switch scene.message.detail {
            case .unsubscribedFromEmail, .unsubscribedFromText: .string("Unsubscribed")
            default: .string("Subscribed")
            }
        }
    }

    private static func addConversion(_ makers: inout [String: FieldMaker]) {
        makers["conversion_behavior_index"] = { .int(Int64(conversion($0).index)) }
        makers["conversion_behavior"] = { .string(conversion($0).behavior) }
        makers["in_control_group"] = { .boolean($0.message.detail == .inControl) }
    }

    private static func conversion(_ scene: Scene) -> (index: Int, behavior: String) {
        let conversions =
            scene.campaign?.conversions ?? scene.canvas?.conversions ?? scene.world.canvases[0].conversions
        let index = scene.draw(12, below: conversions.count)
        return (index, conversions[index])
    }
}

// MARK: - Any other field

extension FieldMakers {
    /// Fills a field that no story tells of, by its name and type.
    ///
    /// One in six nullable ones stays null, except where all are wanted.
    private static func anyMaker(for field: Field) -> FieldMaker {
        let salt = field.name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let isRequired = field.isRequired
        let value = anyValue(for: field, salt: salt)
        return { scene in
            isRequired || scene.isWhole || scene.draw(salt &+ 1, below: 6) > 0 ? value(scene) : nil
        }
    }

    private static func anyValue(for field: Field, salt: UInt64) -> @Sendable (Scene) -> SampleValue {
        switch field.type {
        case .string: return anyText(for: field.name, salt: salt)
        case .int, .long:
            if field.name.hasSuffix("_at") { return { .int($0.time - Int64($0.draw(salt, below: 1_000_000))) } }
            if field.name == "http_status_code" { return { .int([429, 500, 503][$0.draw(salt, below: 3)]) } }
            return { .int(Int64($0.draw(salt, below: 1000))) }
        // Quarters are exact in 32 bits, too.
        case .float, .double: return { .double(Double($0.draw(salt, below: 320)) / 4) }
        case .boolean: return { .boolean($0.draw(salt, below: 4) == 0) }
        case .stringArray:
            let choices = Phrases.choices[field.name] ?? ["sample"]
            return { .strings(Array(choices.prefix(1 + $0.draw(salt, below: choices.count)))) }
        }
    }

    private static func anyText(for name: String, salt: UInt64) -> @Sendable (Scene) -> SampleValue {
        if let choices = Phrases.choices[name] { return { .string(choices[$0.draw(salt, below: choices.count)]) } }
        if name.hasSuffix("_name") {
            return { scene in
                var random = SampleRandom(seed: scene.message.seed ^ salt)
                return .string(Phrases.title(words: 2, &random))
            }
        }
        return { .string(SampleText.uuid(SampleRandom.mix($0.high ^ salt), SampleRandom.mix($0.low ^ salt))) }
    }
}
